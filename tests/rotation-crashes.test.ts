import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import type { RotationAttempt } from '../src/rotation/rotation.ts'
import { setups } from './rotation-drivers.ts'
import { openRotationStage, type RotationStage, type Tenant } from './rotation-stage.ts'
import { operator } from './scene.ts'

let at: RotationStage
beforeAll(async () => {
  at = await openRotationStage()
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
})

const normal = { mode: 'normal', trigger: 'person', reason: null } as const
const begin = async (tenant: Tenant) => must(await at.rotation.begin(operator, tenant.which, normal)).id

/** Ends the worker at each edge it comes to, once: every edge is crossed by a crash, and then by a worker that lives. */
const everywhere = () => {
  const crashed = new Set<string>()
  return (edge: string): boolean => {
    if (crashed.has(edge)) return false
    crashed.add(edge)
    return true
  }
}
/** At one edge, the first time. */
const firstTime = (wanted: string) => {
  let left = 1
  return (edge: string): boolean => edge === wanted && left-- > 0
}

/** Does what a person is asked to do: deletes at the service what nobody has the secret of, and says so. */
const helpsOn =
  (tenant: Tenant) =>
  async ({ id, state }: RotationAttempt) => {
    await at.deleteByHand(tenant)
    must(
      await at.rotation.command(
        operator,
        id,
        state === 'confirming' ? { kind: 'confirm' } : { kind: 'retry' },
      ),
    )
  }

const all = process.env['ROTATION_CRASHES'] === 'all'
/** The others, and every edge by itself: npm run rotation-crashes. */
const classes = all ? Object.keys(setups) : ['openai', 'google', 'azure']
const longMs = all ? 30 * 60_000 : 120_000
const isAsked = ({ service }: Tenant) =>
  ['openai', 'gemini', 'azure_openai', 'openrouter', 'perplexity'].includes(service)

/** Rotates under traffic, and proves that nothing failed and nothing is left. */
const rotate = async (tenant: Tenant, drive: (id: string) => Promise<RotationAttempt>, about = '') => {
  const traffic = isAsked(tenant) ? at.traffic(tenant) : null
  const ended = await drive(await begin(tenant))
  await traffic?.stop()
  expect(ended, `${about} ${JSON.stringify(await at.rotation.steps(ended))}`).toMatchObject({ state: 'done' })
  await at.prove(tenant, ended)
}

describe('killed at every edge of one rotation, one after the other', () => {
  // Anthropic’s are made by people; what the webhook’s open has no data plane here.
  test.each(classes.filter((name) => name !== 'anthropic' && name !== 'webhook'))(
    '%s',
    async (name) => {
      const tenant = await at.tenant(name)
      await rotate(tenant, (id) => at.drive(id, { crash: everywhere(), person: helpsOn(tenant) }))
    },
    longMs,
  )
})

describe.runIf(all)('killed at any one edge', () => {
  test.each(['openai', 'google', 'azure', 'openrouter', 'perplexity'])(
    '%s',
    async (name) => {
      const tenant = await at.tenant(name)
      at.edges.clear()
      await rotate(tenant, (id) => at.drive(id, { person: helpsOn(tenant) }))
      for (const edge of at.edges)
        await rotate(tenant, (id) => at.drive(id, { crash: firstTime(edge), person: helpsOn(tenant) }), edge)
    },
    longMs,
  )
})

describe('a process killed with SIGKILL', () => {
  const short = ['after intended:create created']
  test.each(all ? ['openai', 'google', 'azure', 'openrouter', 'perplexity'] : ['openai'])(
    '%s',
    async (name) => {
      const tenant = await at.tenant(name)
      at.edges.clear()
      if (all) await rotate(tenant, (id) => at.drive(id, { person: helpsOn(tenant) }))
      const edges = all ? [...at.edges] : short
      await rotate(tenant, (id) => at.driveProcesses(id, edges, helpsOn(tenant)))
    },
    longMs,
  )
})
