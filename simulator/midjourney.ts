import { type Directives, readDirectives } from './directives.ts'
import { disturb, type Exchange, isRecord, type MidjourneyTask, sendJson, shown } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { buttonsOf, taskOf } from './midjourney-buttons.ts'
import { digestOf } from './text.ts'

/** A midjourney-proxy compatible server with its Plus part. A task takes this long, unless its prompt says `wait`. */
const usualTaskMs = 4000

/** A task beyond what every simulated service knows of it. */
export interface SimulatedTask extends MidjourneyTask {
  /** Infinity: it never ends. */
  readonly takesMs: number
  readonly failReason: string
  /** Every follow-up is made once. */
  readonly origin: string | null
  /** A window is open, and waits for `modal`. */
  readonly waitsForModal: boolean
}

export const handleMidjourney = async (exchange: Exchange): Promise<void> => {
  const { request, path, state } = exchange
  const secret = request.headers['mj-api-secret']
  const used = typeof secret === 'string' ? state.keys.use('midjourney', secret) : null
  if (typeof secret !== 'string' || !used) return sendEmpty(exchange, 401)
  if (await disturb(exchange, used.behaviour)) return
  const status = statusFor(used.behaviour, path.startsWith('/mj/submit/'))
  if (status !== null) return sendEmpty(exchange, status)
  const [, id = '', verb] = /^\/mj\/task\/([^/]+)\/(fetch|image-seed)$/.exec(path) ?? []
  if (verb !== undefined && request.method === 'GET')
    return verb === 'fetch' ? sendTask(exchange, secret, id) : sendSeed(exchange, secret, id)
  const handler = handlers[`${request.method} ${path}`]
  if (handler) return handler(exchange, secret)
  sendEmpty(exchange, Object.keys(handlers).some((route) => route.endsWith(` ${path}`)) ? 405 : 404)
}

const sendEmpty = (exchange: Exchange, status: number): void => {
  exchange.entry.status = status
  const wait: Record<string, string> = status === 429 ? { 'retry-after': '20' } : {}
  exchange.response.writeHead(status, { 'content-length': '0', ...wait }).end()
}

const statusFor = (behaviour: KeyBehaviour, submits: boolean): number | null => {
  if (behaviour.kind === 'revoked') return 401
  if (behaviour.kind === 'forbidden') return 403
  if (behaviour.kind === 'failing') return behaviour.status ?? 500
  return behaviour.kind === 'rate_limited' && submits ? 429 : null
}

const readBody = ({ body }: Exchange): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

type Handler = (exchange: Exchange, secret: string) => void

/** The proxy answers 200 to every submission and says the rest with `code`. */
const submitted = (
  exchange: Exchange,
  code: number,
  description: string,
  result: string | null,
  properties: Record<string, unknown> = {},
) => sendJson(exchange, 200, { code, description, result, properties })

const refused = (exchange: Exchange, description: string, code = 4) =>
  submitted(exchange, code, description, null)

/** What the prompt asks the simulator for; null: something it does not know, which has been answered. */
const directivesOf = (exchange: Exchange, prompt: string): Directives | null => {
  const directives = readDirectives(prompt)
  if (!('unknown' in directives)) return directives
  refused(exchange, `The simulator does not know the directive “${directives.unknown}”.`)
  return null
}

interface NewTask {
  readonly action: string
  readonly prompt: string
  readonly origin?: string
  readonly waitsForModal?: boolean
}

const tasksOf = ({ state }: Exchange) => state.midjourneyTasks as unknown as Map<string, SimulatedTask>
const keyOf = (secret: string, id: string) => `${secret} ${id}`

/** Two secrets are two servers: `say <id>` gives a task the same id on both. */
const begin = (exchange: Exchange, secret: string, task: NewTask): void => {
  const directives = directivesOf(exchange, task.prompt)
  if (directives === null) return
  const { now } = exchange.state
  const tasks = tasksOf(exchange)
  const digits = Number.parseInt(digestOf(`${task.prompt} ${tasks.size}`).slice(0, 8), 16) % 1000
  const id = task.origin === undefined ? directives.say : undefined
  const unused = `${now()}${String(digits).padStart(3, '0')}${tasks.size}`
  const made: SimulatedTask = {
    id: id ?? unused,
    owner: secret,
    action: task.action,
    prompt: task.prompt,
    state: stateOf(readBody(exchange)),
    submittedAt: now(),
    fails: directives.error !== undefined || directives.refusal === true,
    takesMs: directives.endless ? Number.POSITIVE_INFINITY : (directives.waitMs ?? usualTaskMs),
    failReason: directives.refusal ? 'Banned prompt detected' : 'simulated failure',
    origin: task.origin ?? null,
    waitsForModal: task.waitsForModal ?? false,
  }
  tasks.set(keyOf(secret, made.id), made)
  const account = { discordInstanceId: 'demo-account' }
  if (made.waitsForModal)
    return submitted(exchange, 21, 'Waiting for window confirm', made.id, { ...account, status: 'MODAL' })
  if (/\bqueued\b/i.test(task.prompt))
    return submitted(exchange, 22, 'In queue, there is 1 task ahead', made.id, {
      ...account,
      numberOfQueues: 1,
    })
  submitted(exchange, 1, 'Submit success', made.id, account)
}

const stateOf = (body: Record<string, unknown> | null): string | null =>
  typeof body?.['state'] === 'string' ? body['state'] : null

const imagine: Handler = (exchange, secret) => {
  const prompt = readBody(exchange)?.['prompt']
  if (typeof prompt !== 'string' || prompt.trim() === '') return refused(exchange, 'prompt cannot be empty')
  if (/\bbanned\b/i.test(prompt))
    return submitted(exchange, 24, 'may contain sensitive words', null, {
      promptEn: prompt,
      bannedWord: 'banned',
    })
  if (/\bqueue full\b/i.test(prompt)) return refused(exchange, 'The queue is full, please try later', 23)
  begin(exchange, secret, { action: 'IMAGINE', prompt })
}

const shorten: Handler = (exchange, secret) => {
  const prompt = readBody(exchange)?.['prompt']
  if (typeof prompt !== 'string' || prompt.trim() === '') return refused(exchange, 'prompt cannot be empty')
  begin(exchange, secret, { action: 'SHORTEN', prompt })
}

const isImage = (value: unknown): boolean =>
  typeof value === 'string' && /^data:image\/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$/.test(value)

const describe: Handler = (exchange, secret) => {
  if (!isImage(readBody(exchange)?.['base64'])) return refused(exchange, 'base64 format error')
  begin(exchange, secret, { action: 'DESCRIBE', prompt: 'a described image' })
}

const blend: Handler = (exchange, secret) => {
  const body = readBody(exchange)
  const images = body?.['base64Array']
  if (!Array.isArray(images) || images.length < 2 || images.length > 5 || !images.every(isImage))
    return refused(exchange, 'base64List parameter error')
  if (!['PORTRAIT', 'SQUARE', 'LANDSCAPE'].includes(shown(body?.['dimensions'] ?? 'SQUARE')))
    return refused(exchange, 'dimensions parameter error')
  begin(exchange, secret, { action: 'BLEND', prompt: 'a blend' })
}

/** The task to follow on, or null: what is wrong has been answered. */
const parentOf = (exchange: Exchange, secret: string, id: unknown): SimulatedTask | null => {
  const parent = tasksOf(exchange).get(keyOf(secret, String(id)))
  if (parent === undefined) {
    refused(exchange, 'The associated task does not exist or has expired', 3)
    return null
  }
  if (taskOf(parent, exchange.state.now()).status === 'SUCCESS') return parent
  refused(exchange, 'The associated task status error')
  return null
}

/** A follow-up that exists is not made again. */
const followUp = (
  exchange: Exchange,
  secret: string,
  parent: SimulatedTask,
  what: { action: string; index: number; waitsForModal?: boolean },
): void => {
  const origin = `${parent.id} ${what.action} ${what.index}`
  const existing = [...tasksOf(exchange).values()].find(
    (task) => task.owner === secret && task.origin === origin && what.action === 'UPSCALE',
  )
  if (existing) {
    const { status, imageUrl } = taskOf(existing, exchange.state.now())
    return submitted(exchange, 21, 'The task already exists', existing.id, { status, imageUrl })
  }
  begin(exchange, secret, { ...what, prompt: parent.prompt, origin })
}

const change: Handler = (exchange, secret) => {
  const body = readBody(exchange)
  const action = String(body?.['action'])
  if (!['UPSCALE', 'VARIATION', 'REROLL'].includes(action)) return refused(exchange, 'action parameter error')
  const index = Number(body?.['index'] ?? 0)
  if (action !== 'REROLL' && !(index >= 1 && index <= 4)) return refused(exchange, 'index parameter error')
  const parent = parentOf(exchange, secret, body?.['taskId'])
  if (parent) followUp(exchange, secret, parent, { action, index })
}

const simpleActions: Readonly<Record<string, string>> = { U: 'UPSCALE', V: 'VARIATION', R: 'REROLL' }

const simpleChange: Handler = (exchange, secret) => {
  const content = readBody(exchange)?.['content']
  const [, id, letter = '', index] =
    /^(\S+) ([UV](?=[1-4])|R(?=$))([1-4])?$/.exec(typeof content === 'string' ? content : '') ?? []
  if (id === undefined) return refused(exchange, 'content parameter error')
  const parent = parentOf(exchange, secret, id)
  if (parent)
    followUp(exchange, secret, parent, { action: simpleActions[letter] ?? '', index: Number(index ?? 0) })
}

const press: Handler = (exchange, secret) => {
  const body = readBody(exchange)
  const parent = parentOf(exchange, secret, body?.['taskId'])
  if (!parent) return
  const button = buttonsOf(parent).find(({ customId }) => customId === body?.['customId'])
  if (!button) return refused(exchange, 'customId parameter error')
  const { action, index } = button
  followUp(exchange, secret, parent, { action, index, waitsForModal: action === 'ZOOM' })
}

const confirm: Handler = (exchange, secret) => {
  const id = String(readBody(exchange)?.['taskId'])
  const task = tasksOf(exchange).get(keyOf(secret, id))
  if (!task?.waitsForModal) return refused(exchange, 'The task is not waiting for a window', 3)
  const confirmed = { ...task, waitsForModal: false, submittedAt: exchange.state.now() }
  tasksOf(exchange).set(keyOf(secret, id), confirmed)
  submitted(exchange, 1, 'Submit success', id)
}

const ownTasks = (exchange: Exchange, secret: string) =>
  [...tasksOf(exchange).values()].filter((task) => task.owner === secret)

const sendTask = (exchange: Exchange, secret: string, id: string): void => {
  const task = tasksOf(exchange).get(keyOf(secret, id))
  // The proxy answers an unknown task with an empty 200.
  if (task) return sendJson(exchange, 200, taskOf(task, exchange.state.now()))
  sendEmpty(exchange, 200)
}

const sendSeed = (exchange: Exchange, secret: string, id: string): void => {
  const parent = parentOf(exchange, secret, id)
  if (parent)
    submitted(exchange, 1, 'success', String(Number.parseInt(digestOf(parent.prompt).slice(0, 8), 16)))
}

const sendTasks: Handler = (exchange, secret) =>
  sendJson(
    exchange,
    200,
    ownTasks(exchange, secret).map((task) => taskOf(task, exchange.state.now())),
  )

const sendListed: Handler = (exchange, secret) => {
  const ids = readBody(exchange)?.['ids']
  const wanted = new Set(Array.isArray(ids) ? ids.map(String) : [])
  const tasks = ownTasks(exchange, secret).filter((task) => wanted.has(task.id))
  sendJson(
    exchange,
    200,
    tasks.map((task) => taskOf(task, exchange.state.now())),
  )
}

const handlers: Readonly<Record<string, Handler>> = {
  'POST /mj/submit/imagine': imagine,
  'POST /mj/submit/shorten': shorten,
  'POST /mj/submit/describe': describe,
  'POST /mj/submit/blend': blend,
  'POST /mj/submit/change': change,
  'POST /mj/submit/simple-change': simpleChange,
  'POST /mj/submit/action': press,
  'POST /mj/submit/modal': confirm,
  'GET /mj/task/list': sendTasks,
  'GET /mj/task/queue': sendTasks,
  'POST /mj/task/list-by-condition': sendListed,
  'GET /mj/account/list': (exchange) =>
    sendJson(exchange, 200, [{ id: 'demo', enable: true, channelId: 'demo' }]),
}
