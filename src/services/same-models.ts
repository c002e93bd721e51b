/** The name of a model at another service that offers the same one; undefined: it does not, as far as is known. */
export const sameModelAt = (serviceId: string, model: string, otherServiceId: string): string | undefined => {
  if (otherServiceId === 'openrouter' && serviceId !== 'openrouter') return `${serviceId}/${model}`
  if (serviceId !== 'openrouter') return undefined
  const prefix = `${otherServiceId}/`
  return model.startsWith(prefix) ? model.slice(prefix.length) : undefined
}
