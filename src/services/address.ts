import type { KeySettings, Service } from './service.ts'

/** Fills `{name}` of a path template, percent-encoded; slashes of model names stay where a service expects them. */
export const fillPath = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))

/** The service's own name of a model, for one key. */
export const wireModelOf = (service: Service, model: string, settings: KeySettings): string =>
  service.wireModel?.(model, settings) ?? model
