import { LLMock } from '@copilotkit/aimock'
import { codecOf } from '../../src/dialects/codecs.ts'
import { makeEventSplitter } from '../../src/dialects/sse.ts'
import type { Usage } from '../../src/metering/usage.ts'
import type { Endpoint, Service } from '../../src/services/service.ts'
import { findService } from '../../src/services/registry.ts'
import {
  translate,
  type TranslationRequest,
  type TranslationResult,
} from '../../src/translation/translation.ts'

export const operationId = '01939c2e-7a10-7bbb-8ccc-000000000001'

/** A request in full, of what a test cares about. */
export const requestOf = (
  endpoint: Endpoint,
  body: object,
  more: Partial<TranslationRequest> & { service: Service },
): TranslationRequest => ({
  endpoint,
  body: Buffer.from(JSON.stringify(body)),
  contentType: 'application/json',
  streamed: false,
  wantsUsageEvent: true,
  model: 'the-model',
  requestedModel: 'group/smart',
  baseUrl: 'https://service.example',
  settings: { region: 'us-east-1' },
  maximumOutputTokens: null,
  operationId,
  fetch: globalThis.fetch,
  signal: new AbortController().signal,
  maximumBytes: 4_000_000,
  ...more,
})

export const serviceOf = (id: string): Service => {
  const service = findService(id)
  if (service === null || service === undefined) throw new Error(`no service ${id}`)
  return service
}

/** All bytes of a reply. */
export const bytesOf = async (result: TranslationResult): Promise<Buffer> => {
  if (result.kind !== 'reply') throw new Error(JSON.stringify(result))
  if (Buffer.isBuffer(result.body)) return result.body
  const chunks: Buffer[] = []
  for await (const chunk of result.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What our own tap reads of a reply, as the gateway does. */
export const usageRead = (endpoint: Endpoint, request: TranslationRequest, bytes: Buffer): Usage | null => {
  const codec = codecOf(endpoint)
  const parsed = codec.parse({
    endpoint,
    body: request.body,
    contentType: 'application/json',
    pathModel: 'group/smart',
  })
  if (!parsed.ok) throw new Error(parsed.fault.message)
  if (!request.streamed) return codec.usageOf({ body: bytes, contentType: 'application/json' }, parsed.value)
  const tap = codec.makeTap(parsed.value)
  const { text, ends } = makeEventSplitter(1_000_000).push(bytes)
  tap.classify(text, ends)
  return tap.reported()
}

/** What a service was sent. */
export interface Sent {
  readonly url: string
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** A service that answers every request with the same reply. */
export const answering = (reply: () => Response | Promise<Response>) => {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    init?.signal?.throwIfAborted()
    const request = new Request(input, init)
    const text = await request.text()
    sent.push({
      url: request.url,
      headers: request.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    })
    return reply()
  }
  return { sent, fetch }
}

export const sse = (...events: (object | string)[]): Response =>
  new Response(
    events
      .map((event) => {
        const name = typeof event === 'object' && 'type' in event ? `event: ${String(event.type)}\n` : ''
        return `${name}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`
      })
      .join(''),
    { headers: { 'content-type': 'text/event-stream' } },
  )

export const startMock = async (): Promise<LLMock> => {
  const mock = new LLMock({ port: 0 })
  await mock.start()
  return mock
}

export { translate }
