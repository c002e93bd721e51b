import { inject, test } from 'vitest'
import { rotateInChaos } from './rotation-chaos.ts'
import { setups } from './rotation-drivers.ts'
import { openRotationStage } from './rotation-stage.ts'

declare module 'vitest' {
  interface ProvidedContext {
    chaos: { readonly seed: number; readonly minutes: number }
  }
}

/** The webhook rotates keys of servers that are not here. */
const names = Object.keys(setups).filter((name) => name !== 'webhook')

test('bad days, as many as there is time for (npm run rotation-chaos)', async () => {
  const { seed: first, minutes } = inject('chaos')
  const until = performance.now() + minutes * 60_000
  await using at = await openRotationStage()
  const tenants = new Map<string, Awaited<ReturnType<typeof at.tenant>>>()
  for (let seed = first; performance.now() < until; seed += 1) {
    const name = names[seed % names.length] as string
    const tenant = tenants.get(name) ?? (await at.tenant(name))
    tenants.set(name, tenant)
    const report = await rotateInChaos(at, tenant, name, seed)
    console.log(`seed ${seed}, ${name}: ${JSON.stringify(report)}`)
  }
})
