import { type Exchange, type Refusal, sendBytes, sendJson, shown, type StoredObject } from './exchange.ts'
import { openAi, readForm, readJson, refuse } from './openai-host.ts'
import { checkParameters, missing, nullable, oneOf, record, text } from './openai-params.ts'
import { seededId } from './text.ts'

export const isStoredPath = (path: string): boolean => /^\/v1\/(?:files|batches)(?:\/|$)/.test(path)

/** Files and batches: kept per secret; a batch is done as soon as it is looked at for the second time. */
export const handleStored = async (exchange: Exchange, secret: string): Promise<void> => {
  const { request, path } = exchange
  const [, , kind = '', id, action, ...more] = path.split('/')
  const route = `${request.method} ${kind}${id === undefined ? '' : '/id'}${action === undefined ? '' : `/${action}`}`
  const handler = more.length === 0 ? handlers[route] : undefined
  if (!handler)
    return refuse(exchange, openAi, { status: 404, message: `Invalid URL (${request.method} ${path})` })
  if (id === undefined) return handler(exchange, secret, null)
  const found = exchange.state.stored.get(id)
  if (found?.owner !== secret || found.value['object'] !== (kind === 'files' ? 'file' : 'batch'))
    return refuse(exchange, openAi, {
      status: 404,
      message: kind === 'files' ? `No such File object: ${id}` : `No batch found with id '${id}'.`,
      param: 'id',
    })
  return handler(exchange, secret, found)
}

type Handler = (exchange: Exchange, secret: string, found: StoredObject | null) => void | Promise<void>

const send = (exchange: Exchange, value: unknown): void =>
  sendJson(exchange, 200, value, openAi.headers(exchange))

const store = (exchange: Exchange, owner: string, value: StoredObject['value'], content: Buffer | null) => {
  exchange.state.stored.set(shown(value['id']), { owner, value, content })
  send(exchange, value)
}

const now = (exchange: Exchange): number => Math.floor(exchange.state.now() / 1000)

const upload: Handler = async (exchange, secret) => {
  const form = await readForm(exchange)
  if ('status' in form) return refuse(exchange, openAi, form)
  const file = form.files.find((candidate) => candidate.field === 'file')
  const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals']
  const refusal: Refusal | null = !file
    ? missing('file')
    : form.fields['purpose'] === undefined
      ? missing('purpose')
      : oneOf(...purposes)(form.fields['purpose'], 'purpose')
  if (refusal || !file) return refuse(exchange, openAi, refusal ?? missing('file'))
  const value = {
    object: 'file',
    id: seededId('file-', `${secret}:${exchange.entry.number}`, 22),
    purpose: form.fields['purpose'],
    filename: file.name,
    bytes: file.bytes.length,
    created_at: now(exchange),
    expires_at: null,
    status: 'processed',
    status_details: null,
  }
  store(exchange, secret, value, file.bytes)
}

const listOf =
  (kind: string): Handler =>
  (exchange, secret) => {
    const data = [...exchange.state.stored.values()]
      .filter((item) => item.owner === secret && item.value['object'] === kind)
      .map((item) => item.value)
    send(exchange, {
      object: 'list',
      data,
      has_more: false,
      first_id: data[0]?.['id'] ?? null,
      last_id: data.at(-1)?.['id'] ?? null,
    })
  }

const createBatch: Handler = (exchange, secret) => {
  const body = readJson(exchange)
  if ('status' in body) return refuse(exchange, openAi, body)
  const { value } = body
  for (const name of ['input_file_id', 'endpoint', 'completion_window'])
    if (value[name] === undefined) return refuse(exchange, openAi, missing(name))
  const refusal = checkParameters(
    value,
    {
      input_file_id: text,
      endpoint: oneOf(
        '/v1/responses',
        '/v1/chat/completions',
        '/v1/embeddings',
        '/v1/completions',
        '/v1/moderations',
        '/v1/images/generations',
        '/v1/images/edits',
      ),
      completion_window: oneOf('24h'),
      metadata: nullable(record),
      output_expires_after: record,
    },
    false,
  )
  if (refusal) return refuse(exchange, openAi, refusal)
  const file = exchange.state.stored.get(shown(value['input_file_id']))
  if (file?.owner !== secret || file.value['purpose'] !== 'batch')
    return refuse(exchange, openAi, {
      status: 400,
      message: `Invalid 'input_file_id': no batch file ${shown(value['input_file_id'])}.`,
      param: 'input_file_id',
    })
  const requests = (file.content?.toString('utf8') ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '').length
  const batch = {
    id: seededId('batch_', `${secret}:${exchange.entry.number}`, 32),
    object: 'batch',
    endpoint: value['endpoint'],
    errors: null,
    input_file_id: value['input_file_id'],
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: now(exchange),
    request_counts: { total: requests, completed: 0, failed: 0 },
    metadata: value['metadata'] ?? null,
  }
  store(exchange, secret, batch, null)
}

const lookAtBatch: Handler = (exchange, secret, found) => {
  const { value } = found as StoredObject
  send(exchange, value)
  if (value['status'] !== 'validating') return
  const output = seededId('file-', `output of ${shown(value['id'])}`, 22)
  const total = (value['request_counts'] as { total: number }).total
  const input = exchange.state.stored.get(shown(value['input_file_id']))?.content ?? Buffer.alloc(0)
  const results = resultsOf(input.toString('utf8'), shown(value['id']))
  const done = {
    status: 'completed',
    output_file_id: output,
    completed_at: now(exchange),
    request_counts: { total, completed: total, failed: 0 },
    usage: usageOf(results),
  }
  exchange.state.stored.set(shown(value['id']), {
    owner: secret,
    value: { ...value, ...done },
    content: null,
  })
  exchange.state.stored.set(output, {
    owner: secret,
    value: {
      object: 'file',
      id: output,
      purpose: 'batch_output',
      filename: 'output.jsonl',
      bytes: 0,
      created_at: now(exchange),
      status: 'processed',
    },
    content: Buffer.from(results.map((line) => `${JSON.stringify(line)}\n`).join('')),
  })
}

/** Each line is answered with as many tokens as it has words. */
const resultsOf = (input: string, seed: string) =>
  input
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      const words = line.split(/\s+/).length
      const asked = JSON.parse(line) as { custom_id?: string; body?: { model?: string } }
      const usage = { prompt_tokens: words, completion_tokens: 2, total_tokens: words + 2 }
      const id = seededId('chatcmpl-', `${seed} ${index}`, 29)
      const message = { role: 'assistant', content: 'Done.' }
      const body = {
        id,
        object: 'chat.completion',
        model: asked.body?.model,
        choices: [{ index: 0, message, finish_reason: 'stop' }],
        usage,
      }
      const response = { status_code: 200, request_id: id, body }
      return { id: `${id}-line`, custom_id: asked.custom_id, response, error: null }
    })

const usageOf = (results: ReturnType<typeof resultsOf>) => {
  const of = (field: 'prompt_tokens' | 'completion_tokens' | 'total_tokens') =>
    results.reduce((sum, { response }) => sum + response.body.usage[field], 0)
  return {
    input_tokens: of('prompt_tokens'),
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: of('completion_tokens'),
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: of('total_tokens'),
  }
}

const handlers: Readonly<Record<string, Handler>> = {
  'POST files': upload,
  'GET files': listOf('file'),
  'GET files/id': (exchange, _secret, found) => send(exchange, found?.value),
  'GET files/id/content': (exchange, _secret, found) =>
    sendBytes(exchange, 'application/octet-stream', found?.content ?? Buffer.alloc(0)),
  'DELETE files/id': (exchange, _secret, found) => {
    const id = shown(found?.value['id'])
    exchange.state.stored.delete(id)
    send(exchange, { object: 'file', id, deleted: true })
  },
  'POST batches': createBatch,
  'GET batches': listOf('batch'),
  'GET batches/id': lookAtBatch,
  'POST batches/id/cancel': (exchange, secret, found) =>
    store(exchange, secret, { ...found?.value, status: 'cancelling', cancelling_at: now(exchange) }, null),
}
