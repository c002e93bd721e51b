import type { Answer } from './trackers.ts'

type Body = Readonly<Record<string, unknown>>

/** What a reply about a task comes to before anything is read out of it. */
export const readStatus = (
  status: number,
  body: string,
): { readonly kind: 'said'; readonly body: Body } | Exclude<Answer, { kind: 'task' }> => {
  if (status === 401 || status === 403) return { kind: 'no_answer', about: { kind: 'unauthorized' } }
  if (status === 429) return { kind: 'no_answer', about: { kind: 'limited' } }
  if (status === 404) return { kind: 'unknown_task' }
  const said = status === 200 ? parseJson(body) : null
  return said === null ? { kind: 'no_answer', about: { kind: 'service' } } : { kind: 'said', body: said }
}

export const parseJson = (text: string): Body | null => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
