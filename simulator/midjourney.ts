import { disturb, type Exchange, isRecord, type MidjourneyTask, sendJson } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { seededId } from './text.ts'

/** A midjourney-proxy compatible server. A task takes `taskMs` from submission to the end. */
const taskMs = 4000

export const handleMidjourney = async (exchange: Exchange): Promise<void> => {
  const { request, path, state } = exchange
  const secret = request.headers['mj-api-secret']
  const used = typeof secret === 'string' ? state.keys.use('midjourney', secret) : null
  if (typeof secret !== 'string' || !used) return sendEmpty(exchange, 401)
  if (await disturb(exchange, used.behaviour)) return
  const status = statusFor(used.behaviour, request.method === 'POST')
  if (status !== null) return sendEmpty(exchange, status)
  const fetched = /^\/mj\/task\/([^/]+)\/fetch$/.exec(path)
  if (fetched && request.method === 'GET') return sendTask(exchange, secret, fetched[1] ?? '')
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
  properties = {},
) => sendJson(exchange, 200, { code, description, result, properties })

const imagine: Handler = (exchange, secret) => {
  const body = readBody(exchange)
  const prompt = body?.['prompt']
  if (typeof prompt !== 'string' || prompt.trim() === '')
    return submitted(exchange, 4, 'prompt cannot be empty', null)
  if (/\bbanned\b/i.test(prompt))
    return submitted(exchange, 24, 'may contain sensitive words', null, {
      promptEn: prompt,
      bannedWord: 'banned',
    })
  const { midjourneyTasks, now } = exchange.state
  const id = `${now()}${seededId('', `${prompt}:${midjourneyTasks.size}`, 3).replace(/\D/g, '7')}`
  midjourneyTasks.set(id, {
    id,
    owner: secret,
    action: 'IMAGINE',
    prompt,
    state: typeof body?.['state'] === 'string' ? body['state'] : null,
    submittedAt: now(),
    fails: prompt.includes('[[simulate: error'),
  })
  submitted(exchange, 1, 'Submit success', id, { discordInstanceId: 'demo' })
}

const viewOf = (task: MidjourneyTask, at: number) => {
  const share = Math.min(1, (at - task.submittedAt) / taskMs)
  const done = share === 1
  return {
    id: task.id,
    action: task.action,
    status: done ? (task.fails ? 'FAILURE' : 'SUCCESS') : share < 0.1 ? 'SUBMITTED' : 'IN_PROGRESS',
    prompt: task.prompt,
    promptEn: task.prompt,
    description: `/imagine ${task.prompt}`,
    state: task.state,
    submitTime: task.submittedAt,
    startTime: share < 0.1 ? null : task.submittedAt + taskMs * 0.1,
    finishTime: done ? task.submittedAt + taskMs : null,
    progress: `${Math.floor(share * 100)}%`,
    imageUrl: done && !task.fails ? `https://example.com/simulated/${task.id}.png` : null,
    failReason: done && task.fails ? 'simulated failure' : null,
    properties: { finalPrompt: task.prompt },
  }
}

const ownTasks = (exchange: Exchange, secret: string): MidjourneyTask[] =>
  [...exchange.state.midjourneyTasks.values()].filter((task) => task.owner === secret)

const sendTask = (exchange: Exchange, secret: string, id: string): void => {
  const task = ownTasks(exchange, secret).find((t) => t.id === id)
  // The proxy answers an unknown task with an empty 200.
  if (task) return sendJson(exchange, 200, viewOf(task, exchange.state.now()))
  sendEmpty(exchange, 200)
}

const sendTasks: Handler = (exchange, secret) =>
  sendJson(
    exchange,
    200,
    ownTasks(exchange, secret).map((task) => viewOf(task, exchange.state.now())),
  )

const sendListed: Handler = (exchange, secret) => {
  const ids = readBody(exchange)?.['ids']
  const wanted = new Set(Array.isArray(ids) ? ids.map(String) : [])
  const tasks = ownTasks(exchange, secret).filter((task) => wanted.has(task.id))
  sendJson(
    exchange,
    200,
    tasks.map((task) => viewOf(task, exchange.state.now())),
  )
}

const handlers: Readonly<Record<string, Handler>> = {
  'POST /mj/submit/imagine': imagine,
  'GET /mj/task/list': sendTasks,
  'GET /mj/task/queue': sendTasks,
  'POST /mj/task/list-by-condition': sendListed,
  'GET /mj/account/list': (exchange) =>
    sendJson(exchange, 200, [{ id: 'demo', enable: true, channelId: 'demo' }]),
}
