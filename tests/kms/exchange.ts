import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Outbound } from '../../src/net/outbound.ts'
import { failure, success } from '../../src/kit/fault.ts'

/** A request as a key management service sees it. Header names in lower case. */
export interface KmsRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface KmsReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export type KmsHost = (request: KmsRequest) => KmsReply | Promise<KmsReply>

export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): KmsReply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

/** What stands between a provider and its services, and can go wrong. */
export interface Wire {
  readonly transport: Pick<Outbound, 'request'>
  /** Everything that was sent. */
  readonly requests: KmsRequest[]
  /** Replaces what the services answer; null: as they do. Called for each request. */
  interfere: ((request: KmsRequest) => KmsReply | 'unreachable' | 'timeout' | null) | null
}

export const makeWire = (hosts: Readonly<Record<string, KmsHost>>): Wire => {
  const wire: Wire = {
    requests: [],
    interfere: null,
    transport: {
      async request({ method, url, headers, body }) {
        const request: KmsRequest = {
          method,
          url: new URL(url),
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
          ),
          body: String(body ?? ''),
        }
        wire.requests.push(request)
        const instead = wire.interfere?.(request) ?? null
        if (instead === 'unreachable') return failure('service_unreachable')
        if (instead === 'timeout') return failure('service_timeout')
        const host = hosts[request.url.host]
        if (instead === null && host === undefined) return failure('service_unreachable')
        const reply = instead ?? (await (host as KmsHost)(request))
        return success({ status: reply.status, headers: reply.headers ?? {}, body: reply.body })
      },
    },
  }
  return wire
}

/** The same over a real socket. */
export const listen = async (host: KmsHost): Promise<{ origin: string; close: () => Promise<void> }> => {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const reply = await host({
        method: request.method ?? 'GET',
        url: new URL(request.url ?? '/', `http://${request.headers.host}`),
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.concat(chunks).toString('utf8'),
      })
      response.writeHead(reply.status, reply.headers).end(reply.body)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export const parsed = (text: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** As services read it: one alphabet, right padding, nothing beside it. Null: it is none. */
export const strictBase64 = (value: unknown, alphabet: 'base64' | 'base64url' = 'base64'): Buffer | null => {
  if (typeof value !== 'string') return null
  const bytes = Buffer.from(value, alphabet)
  return bytes.toString(alphabet) === value ? bytes : null
}
