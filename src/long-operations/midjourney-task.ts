import type { LongOperation } from './long-operation.ts'
import type { Answer, Tracker } from './trackers.ts'

/** Tasks of midjourney-proxy compatible servers. */
export const midjourneyTracker: Tracker = {
  ask: (externalId) => ({ method: 'GET', path: `/mj/task/${encodeURIComponent(externalId)}/fetch` }),
  read: (externalId, status, body) => {
    if (status === 401 || status === 403) return { kind: 'no_answer', about: { kind: 'unauthorized' } }
    if (status === 429) return { kind: 'no_answer', about: { kind: 'limited' } }
    // Servers say an empty 200, `null` or a 404 of tasks they do not know.
    if (status === 404) return { kind: 'unknown_task' }
    if (status !== 200) return { kind: 'no_answer', about: { kind: 'service' } }
    return answerOf(externalId, body)
  },
  // Relaxed jobs wait for half an hour at times; servers give up after five minutes by default.
  deadlineMs: 60 * 60_000,
  view: (operation) => taskView(operation),
}

const answerOf = (externalId: string, body: string): Answer => {
  if (body.trim() === '') return { kind: 'unknown_task' }
  const said = parse(body)
  if (said === undefined) return { kind: 'no_answer', about: { kind: 'service' } }
  if (!isObject(said) || String(said['id']) !== externalId) return { kind: 'unknown_task' }
  return readTask(said)
}

const states = {
  NOT_START: 'submitted',
  SUBMITTED: 'submitted',
  IN_PROGRESS: 'running',
  // Waits for what its window asks (`/mj/submit/modal`).
  MODAL: 'running',
  SUCCESS: 'succeeded',
  FAILURE: 'failed',
  CANCEL: 'cancelled',
} as const

/** A status that is new to us is taken for one on the way: the deadline ends what never gets further. */
const readTask = (said: Readonly<Record<string, unknown>>): Answer => {
  const status = String(said['status'])
  const state = Object.hasOwn(states, status) ? states[status as keyof typeof states] : 'running'
  const reason = said['failReason']
  return {
    kind: 'task',
    state,
    progress: state === 'succeeded' ? 100 : percentOf(said['progress']),
    failure: state === 'failed' && typeof reason === 'string' ? reason.slice(0, 500) : null,
    said,
  }
}

const percentOf = (text: unknown): number => {
  const percent = /^(\d{1,3})(?:\.\d+)?%?$/.exec(typeof text === 'string' ? text : '')?.[1]
  return Math.min(100, Number(percent ?? 0))
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type TaskFacts = Pick<
  LongOperation,
  'publicId' | 'action' | 'said' | 'state' | 'progress' | 'failure' | 'keyOwner' | 'submittedAt' | 'endedAt'
>

/** Names of the server's accounts; whose key it is not, has no business with them. */
const ofAccounts = /^(?:account|channel|discord|guild|instance|message|nonce|notifyHook|user)/i

const withoutAccount = (said: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const kept = Object.fromEntries(Object.entries(said).filter(([name]) => !ofAccounts.test(name)))
  const { properties } = kept
  return isObject(properties) ? { ...kept, properties: withoutAccount(properties) } : kept
}

/**
 * The task as its caller sees it: the service's own words under the name that the caller knows. One that was given back
 * ends as a failure, so that clients stop waiting for it.
 */
export const taskView = (operation: TaskFacts): Record<string, unknown> => {
  const { publicId, said, state, failure, endedAt, keyOwner } = operation
  const view =
    said === null
      ? unseen(operation)
      : { ...(keyOwner === 'system' ? withoutAccount(said) : said), id: publicId }
  if (state !== 'unresolved' || endedAt === null) return view
  return { ...view, status: 'FAILURE', failReason: failure, finishTime: endedAt.getTime() }
}

/** Before it was asked about for the first time, or when what was said is not kept any more. */
const unseen = ({ publicId, action, state, progress, failure, submittedAt }: TaskFacts) => ({
  id: publicId,
  action: action.toUpperCase(),
  status:
    ({ succeeded: 'SUCCESS', failed: 'FAILURE', cancelled: 'CANCEL' } as const)[state as 'failed'] ??
    'SUBMITTED',
  progress: `${progress}%`,
  failReason: failure,
  submitTime: submittedAt.getTime(),
  imageUrl: null,
})
