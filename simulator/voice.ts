import { disturb, type Exchange, isRecord, sendBytes, sendJson, shown } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { composeText, digestOf, tokensOf } from './text.ts'

/** The least of ElevenLabs, Deepgram and AssemblyAI: a voice, a transcript, and a call that proves a key. */
export const handleVoice = async (exchange: Exchange): Promise<void> => {
  const service = services[exchange.service as keyof typeof services]
  const secret = service.secretOf(exchange.request.headers)
  const used = secret === null ? null : exchange.state.keys.use(exchange.service, secret)
  if (!used) return service.refuse(exchange, 401)
  if (await disturb(exchange, used.behaviour)) return
  const status = statusOf(used.behaviour, exchange.request.method === 'POST')
  if (status !== null) return service.refuse(exchange, status)
  const route = service.routes.find(
    ({ method, path }) => method === exchange.request.method && path.test(exchange.path),
  )
  return route ? route.serve(exchange) : service.refuse(exchange, 404)
}

type Headers = Exchange['request']['headers']

interface Voice {
  readonly secretOf: (headers: Headers) => string | null
  readonly refuse: (exchange: Exchange, status: number) => void
  readonly routes: readonly {
    readonly method: 'GET' | 'POST'
    readonly path: RegExp
    readonly serve: (exchange: Exchange) => void
  }[]
}

const statusOf = (behaviour: KeyBehaviour, isModelCall: boolean): number | null => {
  if (behaviour.kind === 'revoked') return 401
  if (behaviour.kind === 'forbidden') return 403
  if (behaviour.kind === 'failing') return behaviour.status ?? 500
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota') return behaviour.status ?? 402
  return behaviour.kind === 'rate_limited' ? 429 : null
}

const header =
  (name: string) =>
  (headers: Headers): string | null => {
    const value = headers[name]
    return typeof value === 'string' ? value : null
  }

const jsonOf = ({ body }: Exchange): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

const transcriptOf = (bytes: Buffer | string): string =>
  composeText({
    seed: digestOf(bytes.toString('latin1' as never)),
    model: 'transcription',
    prompt: '',
    tokens: 20,
  })

const speak = (exchange: Exchange, text: string, headers: Record<string, string>): void =>
  sendBytes(
    exchange,
    'audio/mpeg',
    Buffer.concat(tokensOf(text).map((piece) => Buffer.alloc(100, piece))),
    headers,
  )

const elevenlabs: Voice = {
  secretOf: header('xi-api-key'),
  refuse: (exchange, status) => {
    const words: Readonly<Record<number, string>> = {
      401: 'invalid_api_key',
      402: 'quota_exceeded',
      403: 'missing_permissions',
      404: 'not_found',
      422: 'invalid_request',
      429: 'too_many_concurrent_requests',
    }
    const word = words[status] ?? 'internal_error'
    // An empty quota is a 401 with a word of its own.
    sendJson(exchange, status === 402 ? 401 : status, {
      detail: { status: word, message: `Simulated: ${word.replaceAll('_', ' ')}.` },
    })
  },
  routes: [
    {
      method: 'GET',
      path: /^\/v1\/user$/,
      serve: (exchange) =>
        sendJson(exchange, 200, {
          user_id: 'demo',
          subscription: { tier: 'creator', character_count: 100, character_limit: 100_000 },
        }),
    },
    {
      method: 'POST',
      path: /^\/v1\/text-to-speech\/[A-Za-z0-9]{5,40}(?:\/stream)?$/,
      serve: (exchange) => {
        const body = jsonOf(exchange)
        const text = body?.['text']
        if (typeof text !== 'string' || text === '') return elevenlabs.refuse(exchange, 422)
        exchange.entry.model = shown(body?.['model_id'] ?? 'eleven_multilingual_v2')
        speak(exchange, text, { 'character-cost': String(text.length), 'request-id': exchange.requestId })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/speech-to-text$/,
      serve: (exchange) =>
        sendJson(exchange, 200, {
          language_code: 'eng',
          language_probability: 0.98,
          text: transcriptOf(exchange.body),
          words: [],
        }),
    },
  ],
}

const deepgram: Voice = {
  secretOf: (headers) => /^Token (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null,
  refuse: (exchange, status) => {
    const words: Readonly<Record<number, readonly [string, string]>> = {
      401: ['INVALID_AUTH', 'Invalid credentials.'],
      402: [
        'ASR_PAYMENT_REQUIRED',
        'Project does not have enough credits for an ASR request and does not have an overage agreement.',
      ],
      403: ['INSUFFICIENT_PERMISSIONS', 'User does not have sufficient permissions.'],
      429: ['TOO_MANY_REQUESTS', 'Too many requests. Please try again later'],
    }
    const [err_code, err_msg] = words[status] ?? ['Bad Request', 'The request could not be served.']
    sendJson(exchange, status, { err_code, err_msg, request_id: exchange.requestId })
  },
  routes: [
    {
      method: 'GET',
      path: /^\/v1\/projects$/,
      serve: (exchange) => sendJson(exchange, 200, { projects: [{ project_id: 'demo', name: 'demo' }] }),
    },
    {
      method: 'POST',
      path: /^\/v1\/listen$/,
      serve: (exchange) => {
        if (exchange.body.length === 0) return deepgram.refuse(exchange, 400)
        exchange.entry.model = exchange.query.get('model') ?? 'base'
        const transcript = transcriptOf(exchange.body)
        const duration = Math.max(1, exchange.body.length / 10_240)
        const words = transcript
          .split(' ')
          .map((word, i) => ({ word, start: i, end: i + 1, confidence: 0.99 }))
        sendJson(exchange, 200, {
          metadata: {
            request_id: exchange.requestId,
            created: new Date(exchange.state.now()).toISOString(),
            duration,
            channels: 1,
            models: ['demo'],
          },
          results: { channels: [{ alternatives: [{ transcript, confidence: 0.99, words }] }] },
        })
      },
    },
    {
      method: 'POST',
      path: /^\/v1\/speak$/,
      serve: (exchange) => {
        const text = jsonOf(exchange)?.['text']
        if (typeof text !== 'string' || text === '') return deepgram.refuse(exchange, 400)
        exchange.entry.model = exchange.query.get('model') ?? 'aura-2-thalia-en'
        speak(exchange, text, { 'dg-char-count': String(text.length) })
      },
    },
  ],
}

const assemblyai: Voice = {
  secretOf: header('authorization'),
  refuse: (exchange, status) =>
    sendJson(exchange, status, {
      error:
        {
          401: 'Authentication error, API token missing/invalid',
          404: 'Not found',
          429: 'Too Many Requests',
        }[status] ?? 'The request could not be served.',
    }),
  routes: [
    {
      method: 'GET',
      path: /^\/v2\/transcript$/,
      serve: (exchange) =>
        sendJson(exchange, 200, {
          page_details: { limit: 10, result_count: 0, current_url: '', prev_url: null, next_url: null },
          transcripts: [],
        }),
    },
    {
      method: 'POST',
      path: /^\/v2\/upload$/,
      serve: (exchange) =>
        sendJson(exchange, 200, {
          upload_url: `https://cdn.example.com/upload/${digestOf(exchange.body.toString('latin1')).slice(0, 32)}`,
        }),
    },
    {
      method: 'POST',
      path: /^\/v2\/transcript$/,
      serve: (exchange) => {
        const body = jsonOf(exchange)
        if (typeof body?.['audio_url'] !== 'string') return assemblyai.refuse(exchange, 400)
        const id = digestOf(body['audio_url']).slice(0, 32)
        exchange.entry.model = shown(body['speech_model'] ?? 'best')
        sendJson(exchange, 200, { id, status: 'queued', audio_url: body['audio_url'], text: null })
      },
    },
    {
      method: 'GET',
      path: /^\/v2\/transcript\/[0-9a-f]{32}$/,
      serve: (exchange) =>
        sendJson(exchange, 200, {
          id: exchange.path.slice(-32),
          status: 'completed',
          text: transcriptOf(exchange.path),
          audio_duration: 3,
          language_code: 'en',
          words: [],
        }),
    },
  ],
}

const services = { elevenlabs, deepgram, assemblyai }
