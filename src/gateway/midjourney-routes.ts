import { pathOf } from './service-paths.ts'

/** What a request to /mj/* asks for. */
export type MidjourneyRoute =
  | { readonly kind: 'submit'; readonly what: Submission; readonly method: 'POST' }
  | { readonly kind: 'fetch'; readonly taskId: string; readonly method: 'GET' }
  | { readonly kind: 'image_seed'; readonly taskId: string; readonly method: 'GET' }
  | { readonly kind: 'list'; readonly method: 'POST' }

export type Submission = (typeof submissions)[number]

const submissions = [
  'imagine',
  'change',
  'simple-change',
  'describe',
  'blend',
  'action',
  'modal',
  'shorten',
] as const

const taskPath = /^\/mj\/task\/([^/]{1,240})\/(fetch|image-seed)$/

/** Null: none of them. Lists of all tasks and accounts are not served: they are the server's, not a caller's. */
export const midjourneyRouteOf = (url: string): MidjourneyRoute | null => {
  const path = pathOf(url)
  const what = submissions.find((name) => path === `/mj/submit/${name}`)
  if (what !== undefined) return { kind: 'submit', what, method: 'POST' }
  if (path === '/mj/task/list-by-condition') return { kind: 'list', method: 'POST' }
  const [, id, verb] = taskPath.exec(path) ?? []
  const taskId = id === undefined ? null : decoded(id)
  if (taskId === null) return null
  return { kind: verb === 'fetch' ? 'fetch' : 'image_seed', taskId, method: 'GET' }
}

const decoded = (text: string): string | null => {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
