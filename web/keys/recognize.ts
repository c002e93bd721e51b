import type { Service } from '../../src/contract/service-keys.ts'

const looksLike = (service: Service, secret: string, specific: boolean): boolean =>
  service.keyShapes.some((shape) => shape.specific === specific && new RegExp(shape.pattern).test(secret))

/** Services whose keys look like this, without asking anybody; the shapes that only one service has win. */
export const recognize = (services: readonly Service[], secret: string): readonly Service[] => {
  const specific = services.filter((service) => looksLike(service, secret, true))
  return specific.length > 0 ? specific : services.filter((service) => looksLike(service, secret, false))
}

/** How a secret is tidied when pasted: people copy quotes, `KEY=` and line ends along. */
export const tidySecret = (pasted: string): string => {
  const line = pasted
    .trim()
    .replace(/^(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*/, (start, offset: number) =>
      offset === 0 && start.includes('=') && /^(?:export\s+)?[A-Z][A-Z0-9_]*\s*=/.test(start) ? '' : start,
    )
  return line
    .replace(/^(['"`])(.*)\1$/, '$2')
    .replace(/^Bearer\s+/i, '')
    .trim()
}
