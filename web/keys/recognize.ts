import type { Service } from '../../src/contract/service-keys.ts'

const looksLike = (service: Service, secret: string, specific: boolean): boolean =>
  service.keyShapes.some((shape) => shape.specific === specific && new RegExp(shape.pattern).test(secret))

/** Services whose keys look like this, without asking anybody; the shapes that only one service has win. */
export const recognize = (services: readonly Service[], secret: string): readonly Service[] => {
  const specific = services.filter((service) => looksLike(service, secret, true))
  return specific.length > 0 ? specific : services.filter((service) => looksLike(service, secret, false))
}

/**
 * A pasted secret, less what is copied along: quotes, `OPENAI_API_KEY=`, `Bearer`, line ends. Only a name with an
 * underscore counts as one, as secrets may end in equals signs.
 */
export const tidySecret = (pasted: string): string =>
  pasted
    .trim()
    .replace(/^(?:export\s+)?[A-Z][A-Z0-9]*_[A-Z0-9_]*\s*=\s*/, '')
    .replace(/^(['"`])(.*)\1$/, '$2')
    .replace(/^Bearer\s+/i, '')
    .trim()
