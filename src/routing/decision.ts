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

/** A candidate of a kept decision that was passed over after all, when its turn had come. */
export const passOver = (
  kept: string | null,
  candidate: Candidate,
  why: string,
  until: Date | undefined,
): string | null => {
  if (kept === null) return null
  const decision = JSON.parse(kept) as { candidates: KeptCandidate[]; passedOver: unknown[] }
  const { service, serviceKey, model } = candidate
  const isIt = ({ service: id, key, model: name }: KeptCandidate) =>
    id === service.id && key === serviceKey.id && name === model.slice(0, 120)
  const passed = {
    service: service.id,
    model: model.slice(0, 120),
    owner: serviceKey.owner,
    key: serviceKey.id,
    why,
    ...(until === undefined ? {} : { until: until.toISOString() }),
  }
  return JSON.stringify({
    ...decision,
    candidates: decision.candidates.filter((one) => !isIt(one)),
    passedOver: [...decision.passedOver, passed].slice(0, mostPassedOver),
  })
}

type KeptCandidate = ReturnType<typeof candidateText>

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
