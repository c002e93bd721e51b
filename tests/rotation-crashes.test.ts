import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import type { RotationAttempt } from '../src/rotation/rotation.ts'
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
const once = (wanted: string) => {
  let left = 1
  return (edge: string): boolean => edge === wanted && left-- > 0
}

/** Says what a person would: it is mended, or deleted by hand. */
const helps = async ({ id, state }: RotationAttempt) =>
  must(
    await at.rotation.command(operator, id, state === 'confirming' ? { kind: 'confirm' } : { kind: 'retry' }),
  )

describe('killed at every edge of one rotation, one after the other', () => {
  const classes = [
    'openai',
    'google',
    'azure',
    'openrouter',
    'aws access keys',
    'xai',
    'elevenlabs',
    'deepgram',
  ]
  test.each(classes)('%s', async (name) => {
    const tenant = await at.tenant(name)
    const isAsked = tenant.service in { openai: 1, gemini: 1, azure_openai: 1, openrouter: 1 }
    const traffic = isAsked ? at.traffic(tenant) : null
    const ended = await at.drive(await begin(tenant), {
      crash: everywhere(),
      person: helps,
    })
    await traffic?.stop()
    expect(ended, JSON.stringify(await at.rotation.steps(ended))).toMatchObject({ state: 'done' })
    await at.prove(tenant, ended)
  })
})
