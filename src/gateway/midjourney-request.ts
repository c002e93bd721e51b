import { parseObject } from '../dialects/request.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Units } from '../metering/usage.ts'
import type { Submission } from './midjourney-routes.ts'

/** A submission as it came in. */
export interface MidjourneyRequest {
  readonly what: Submission
  /** Where it goes at the server. */
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** What is done, in the words of prices: `imagine`, `upscale`, … */
  readonly action: string
  readonly units: Units
  /** The task that it follows on, by the caller's name. */
  readonly taskId: string | null
  readonly webhookUrl: string | null
  /** A field that may make it dearer in ways that no price here tells, or null. */
  readonly unpriced: string | null
}

/** What the server's own documents know; others, such as `accountFilter`, choose how much a task costs its account. */
const knownFields = new Set([
  'action',
  'base64',
  'base64Array',
  'botType',
  'chooseSameChannel',
  'content',
  'customId',
  'dimensions',
  'index',
  'maskBase64',
  'prompt',
  'state',
  'taskId',
])

export const readMidjourneyRequest = (what: Submission, body: Buffer): Outcome<MidjourneyRequest> => {
  const parsed = parseObject(body)
  if (!parsed.ok) return parsed
  // Callbacks of servers are unsigned and come once: the gateway asks the server, and tells the caller itself.
  const { notifyHook, ...fields } = parsed.value
  const webhook = readWebhook(notifyHook, 'notifyHook')
  if (!webhook.ok) return webhook
  const follows = what !== 'imagine' && what !== 'describe' && what !== 'blend' && what !== 'shorten'
  const taskId = taskIdOf(what, fields)
  if (follows && taskId === null)
    return failure('invalid_request', {
      message: what === 'simple-change' ? 'content must be “<task id> U1”, V1 or R.' : 'taskId is missing.',
      field: what === 'simple-change' ? 'content' : 'taskId',
    })
  const action = actionOf(what, fields)
  return success({
    what,
    path: `/mj/submit/${what}`,
    body: fields,
    action,
    units: unitsOf(action, fields['prompt']),
    taskId: follows ? taskId : null,
    webhookUrl: webhook.value,
    unpriced: Object.keys(fields).find((name) => !knownFields.has(name)) ?? null,
  })
}

const longestUrl = 2_000

/** Whether the address may be called is checked where it is. */
export const readWebhook = (value: unknown, field: string): Outcome<string | null> => {
  if (value === undefined || value === null || value === '') return success(null)
  return typeof value === 'string' && value.length <= longestUrl && URL.canParse(value)
    ? success(value)
    : failure('invalid_request', { message: `${field} must be a URL.`, field })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const simpleChange = /^\s*(\S{1,240})\s+([UVR])([1-4])?\s*$/i

const taskIdOf = (what: Submission, fields: Readonly<Record<string, unknown>>): string | null => {
  const value =
    what === 'simple-change' ? simpleChange.exec(textOf(fields['content']))?.[1] : fields['taskId']
  return typeof value === 'string' && value !== '' && value.length <= 240 ? value : null
}

const changes: Readonly<Record<string, string>> = {
  UPSCALE: 'upscale',
  VARIATION: 'variation',
  REROLL: 'reroll',
  U: 'upscale',
  V: 'variation',
  R: 'reroll',
}

/** What the buttons of tasks are called; the first that fits. */
const buttons: readonly (readonly [pattern: RegExp, action: string])[] = [
  [/upsample/i, 'upscale'],
  [/reroll/i, 'reroll'],
  [/variation/i, 'variation'],
  [/outpaint|zoom/i, 'zoom'],
  [/inpaint/i, 'inpaint'],
  [/pan_/i, 'pan'],
  [/animate|video/i, 'video'],
]

const actionOf = (what: Submission, fields: Readonly<Record<string, unknown>>): string => {
  if (what === 'change') return changes[textOf(fields['action']).toUpperCase()] ?? 'change'
  if (what === 'simple-change')
    return changes[simpleChange.exec(textOf(fields['content']))?.[2]?.toUpperCase() ?? ''] ?? 'change'
  if (what === 'action') {
    const customId = textOf(fields['customId'])
    return buttons.find(([pattern]) => pattern.test(customId))?.[1] ?? 'action'
  }
  return what
}

/** `task:imagine`, or `task:imagine:turbo` where the prompt asks for it: a longer name without a price costs as the shorter. */
export const unitsOf = (action: string, prompt: unknown): Units => {
  const speed = typeof prompt === 'string' ? /\s--(turbo|relax|fast)(?=\s|$)/i.exec(prompt)?.[1] : undefined
  return { [`task:${action}${speed === undefined ? '' : `:${speed.toLowerCase()}`}`]: 1 }
}

/** The body that goes to the server: as it came, less what is ours, and with the server's own name of the task. */
export const bodyForServer = (request: MidjourneyRequest, externalId: string | null): string => {
  if (externalId === null || externalId === request.taskId) return JSON.stringify(request.body)
  if (request.what === 'simple-change') {
    const content = textOf(request.body['content']).replace(request.taskId ?? '', () => externalId)
    return JSON.stringify({ ...request.body, content })
  }
  return JSON.stringify({ ...request.body, taskId: externalId })
}
