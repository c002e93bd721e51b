import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  allowedOwners,
  everything,
  isModelAllowed,
  isServiceAllowed,
  type OrganizationControl,
  usersManageKeys,
} from './control.ts'
import { mayAskFor, mayBeExcepted, openingFor, type Want } from './openings.ts'

const services = ['openai', 'anthropic', 'groq'] as const
const names = ['gpt-4o', 'claude-x', 'llama']
const some = <T>(all: readonly T[]) => fc.option(fc.subarray([...all]))

const controls: fc.Arbitrary<OrganizationControl> = fc.record({
  controlPolicy: fc.constantFrom('it_control', 'hybrid', 'user_control'),
  criticalServices: fc.subarray([...services]),
  systemKeysAllowed: fc.boolean(),
  lockedFallback: fc.constant(null),
  allowed: fc.option(
    fc.record({
      ...Object.fromEntries(Object.entries(everything).map(([name, value]) => [name, fc.constant(value)])),
      services: some<string>(services),
      models: some([...names, 'gpt-*', 'claude-*']),
    }) as unknown as fc.Arbitrary<NonNullable<OrganizationControl['allowed']>>,
  ),
})
const wants: fc.Arbitrary<Want> = fc
  .record({
    kind: fc.constantFrom('service', 'model', 'own_key', 'organization_key'),
    serviceId: fc.constantFrom(...services),
    model: fc.constantFrom(...names),
  })
  .map((want) => ({ ...want, model: want.kind === 'model' ? want.model : null }))

const isGranted = (control: OrganizationControl, { kind, serviceId, model }: Want): boolean => {
  if (kind === 'own_key') return usersManageKeys(control, serviceId)
  return isServiceAllowed(control, serviceId) && (kind !== 'model' || isModelAllowed(control, model ?? ''))
}

/** Everything that a policy lets be used, one line each. */
const lets = (control: OrganizationControl): string[] =>
  services.flatMap((serviceId) => [
    ...[...allowedOwners(control, serviceId)].map((owner) => `${serviceId} ${owner}`),
    ...names
      .filter((name) => isServiceAllowed(control, serviceId) && isModelAllowed(control, name))
      .map((name) => `${serviceId} ${name}`),
  ])

test('an opening grants what was asked for, takes nothing away, and opens nothing at other services but models', () => {
  fc.assert(
    fc.property(controls, wants, (control, want) => {
      const opened = openingFor(control, want)
      if (opened === null) return
      expect(isGranted(opened, want)).toBe(true)
      const before = lets(control)
      const after = lets(opened)
      expect(before.filter((one) => !after.includes(one))).toEqual([])
      for (const added of after.filter((one) => !before.includes(one)))
        expect(added.startsWith(`${want.serviceId} `) || added.endsWith(` ${want.model}`)).toBe(true)
      expect(openingFor(opened, want)).toBeNull()
    }),
  )
})

test('where somebody may ask for what the policy denies, an opening or an exception grants it', () => {
  fc.assert(
    fc.property(controls, wants, (control, want) => {
      fc.pre(want.kind !== 'organization_key' && mayAskFor(control, want).ok)
      const excepted = { ...control, exceptedServices: [want.serviceId] }
      const isExceptable = want.kind === 'own_key' && mayBeExcepted(control, want.serviceId).ok
      expect(isGranted(openingFor(control, want) ?? (isExceptable ? excepted : control), want)).toBe(true)
      if (isExceptable) expect(isGranted(excepted, want)).toBe(true)
    }),
  )
})

test('nobody asks for what is there', () => {
  fc.assert(
    fc.property(controls, wants, (control, want) => {
      if (want.kind !== 'organization_key' && isGranted(control, want))
        expect(mayAskFor(control, want).ok).toBe(false)
    }),
  )
})
