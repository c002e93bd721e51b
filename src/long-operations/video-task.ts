import { versionOf } from '../services/version.ts'
import { readStatus } from './task-reply.ts'
import type { Answer, Tracker } from './trackers.ts'

/** Videos of OpenAI and of servers that speak its API. https://platform.openai.com/docs/api-reference/videos */
export const videoTracker: Tracker = {
  ask: (externalId, service) => ({
    method: 'GET',
    path: `${versionOf(service)}/videos/${encodeURIComponent(externalId)}`,
  }),
  read: (externalId, status, body) => {
    const said = readStatus(status, body)
    if (said.kind !== 'said') return said
    return said.body['id'] === externalId ? readVideo(said.body) : { kind: 'unknown_task' }
  },
  // Minutes by the documents.
  deadlineMs: 2 * 60 * 60_000,
  view: ({ externalId, said, state, progress, action }) =>
    said === null
      ? { id: externalId, object: 'video', status: state, progress, action }
      : { ...said, id: externalId },
}

const states = {
  queued: 'submitted',
  in_progress: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
} as const

const readVideo = (said: Readonly<Record<string, unknown>>): Answer => {
  const status = String(said['status'])
  const state = Object.hasOwn(states, status) ? states[status as keyof typeof states] : 'running'
  const error = said['error'] as { message?: unknown } | null | undefined
  const progress = Number(said['progress'])
  return {
    kind: 'task',
    state,
    progress: state === 'succeeded' ? 100 : Math.min(100, Math.max(0, Math.trunc(progress) || 0)),
    failure: state === 'failed' && typeof error?.message === 'string' ? error.message.slice(0, 500) : null,
    said,
  }
}
