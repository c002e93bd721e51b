import type { RotationDriver } from '../driver.ts'
import { anthropic } from './anthropic.ts'
import { aws } from './aws.ts'
import { azure } from './azure.ts'
import { deepgram } from './deepgram.ts'
import { elevenlabs } from './elevenlabs.ts'
import { fireworks } from './fireworks.ts'
import { google } from './google.ts'
import { openai } from './openai.ts'
import { openrouter } from './openrouter.ts'
import { perplexity } from './perplexity.ts'
import { webhook } from './webhook.ts'
import { xai } from './xai.ts'

/** Every driver; for all other services a person makes the key (src/rotation/assisted.ts). */
export const rotationDrivers: readonly RotationDriver[] = [
  openai,
  anthropic,
  google,
  azure,
  aws,
  openrouter,
  xai,
  elevenlabs,
  deepgram,
  fireworks,
  perplexity,
  webhook,
]

const byId = new Map(rotationDrivers.map((driver) => [driver.id, driver]))
export const findDriver = (id: string): RotationDriver | undefined => byId.get(id)

/** The ways to rotate a service's keys by a driver, in the order in which they are offered: its own, then the webhook. */
export const driversFor = (serviceId: string): readonly RotationDriver[] =>
  rotationDrivers.filter(({ serviceIds }) => serviceIds === '*' || serviceIds.includes(serviceId))
