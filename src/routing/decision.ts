import type { Candidate, PassedOver, Route } from './route.ts'

const mostCandidates = 12
const mostPassedOver = 24

const texts = new WeakMap<Route, string>()

/**
 * A route as it is kept with the record of each operation: JSON, bounded, without names of people and without secrets. Written
 * once for each route, however many operations it serves.
 */
export const decisionText = (route: Route): string => {
  const known = texts.get(route)
  if (known !== undefined) return known
  const { candidates, passedOver, fallback } = route
  const text = JSON.stringify({
    fallback,
    candidates: candidates.slice(0, mostCandidates).map(candidateText),
    passedOver: passedOver.slice(0, mostPassedOver).map(passedText),
    ...(candidates.length > mostCandidates ? { moreCandidates: candidates.length - mostCandidates } : {}),
    ...(passedOver.length > mostPassedOver ? { morePassedOver: passedOver.length - mostPassedOver } : {}),
  })
  texts.set(route, text)
  return text
}

const candidateText = ({ service, model, serviceKey, via, reason, health }: Candidate) => ({
  service: service.id,
  model: model.slice(0, 120),
  owner: serviceKey.owner,
  key: serviceKey.id,
  ...(serviceKey.priority === null ? {} : { priority: serviceKey.priority }),
  ...(via === 'translation' ? { via } : {}),
  ...(health === 'half_open' ? { health } : {}),
  reason,
})

const passedText = ({ serviceId, model, owner, serviceKeyId, why, until }: PassedOver) => ({
  service: serviceId,
  model: model.slice(0, 120),
  owner,
  ...(serviceKeyId === null ? {} : { key: serviceKeyId }),
  why,
  ...(until === undefined ? {} : { until: until.toISOString() }),
})
