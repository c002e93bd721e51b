import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What somebody new does first, in this order; the last two are for those who run a company, before them for the platform's. */
export const onboardingStep = z.enum(['system_key', 'cover', 'token', 'request', 'members', 'policy'])
export type OnboardingStep = z.infer<typeof onboardingStep>

const onboarding = z.object({
  steps: z.array(z.object({ id: onboardingStep, done: z.boolean() })),
  firstOperation: z
    .object({
      id: wire.id,
      at: wire.time,
      status: z.enum(['succeeded', 'failed', 'refused', 'cancelled', 'interrupted']),
      serviceId: z.string().nullable(),
      model: z.string().nullable(),
      faultCode: z.string().nullable(),
    })
    .nullable()
    .describe('Your first that succeeded, else your newest'),
})
export type Onboarding = z.infer<typeof onboarding>

export const onboardingEndpoints = defineEndpoints({
  readOnboarding: {
    method: 'GET',
    path: '/onboarding',
    auth: 'session',
    permission: 'own.read',
    group: 'session',
    summary: 'What is still to be done until calls work; cheap enough to be asked for every few seconds',
    reply: onboarding,
  },
})
