import { anthropic } from './anthropic.ts'
import { midjourney } from './midjourney.ts'
import { openai } from './openai.ts'
import { openrouter } from './openrouter.ts'
import type { Service } from './service.ts'

/** Every integrated service, in the order screens show them. */
export const services: readonly Service[] = [openai, anthropic, midjourney, openrouter]

const byId = new Map(services.map((service) => [service.id, service]))
export const findService = (id: string): Service | undefined => byId.get(id)

/** Services that a secret looks like, most specific first. A hint for people, never a refusal. */
export const recognizeService = (secret: string): Service[] => {
  const looksLike = (specific: boolean) =>
    services.filter((s) =>
      s.keyShapes.some((shape) => shape.specific === specific && shape.pattern.test(secret)),
    )
  const specific = looksLike(true)
  return specific.length > 0 ? specific : looksLike(false)
}
