// Floors for a gateway on node:http: passes bytes through, replaces the credential, and does nothing else. No tokens, limits,
// time-outs, records, or care for callers that hang up.
//
//   node bench/reference-proxy.ts PORT UPSTREAM_ORIGIN undici|lean
import http from 'node:http'
import type { LookupFunction } from 'node:net'
import { Pool } from 'undici'
import { makeConnections } from '../src/net/connections.ts'

const [port, upstream, client] = process.argv.slice(2)
const authorization = `Bearer ${process.env['BENCH_SERVICE_KEY']}`

type Forward = (path: string, body: Buffer, response: http.ServerResponse) => void
type Headers = Readonly<Record<string, string | string[] | undefined>>

const writeHead = (response: http.ServerResponse, status: number, headers: Headers) => {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = headers
  response.writeHead(status, kept)
}

const undici = (): Forward => {
  const pool = new Pool(upstream!, { connections: 256, pipelining: 1 })
  return (path, body, response) => {
    const headers = {
      authorization,
      'content-type': 'application/json',
      'content-length': String(body.length),
    }
    pool.dispatch(
      { method: 'POST', path, body, headers },
      {
        onRequestStart() {},
        onResponseStart(controller, status, replyHeaders) {
          writeHead(response, status, replyHeaders)
          response.on('drain', () => controller.resume())
        },
        onResponseData(controller, chunk) {
          if (!response.write(chunk)) controller.pause()
        },
        onResponseEnd: () => void response.end(),
        onResponseError: (_, error) => void response.destroy(error),
      },
    )
  }
}

/** The connections that the gateway itself keeps to services. */
const lean = (): Forward => {
  const lookup: LookupFunction = () => {
    throw new Error('The upstream is an address.')
  }
  const connections = makeConnections({ origin: new URL(upstream!), lookup, connectTimeoutMs: 10_000 })
  const headers = { authorization, 'content-type': 'application/json' }
  const limits = { firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000 }
  return (path, body, response) => {
    const sent = connections.send(
      { method: 'POST', path, headers, body, ...limits },
      {
        onHead(status, replyHeaders) {
          writeHead(response, status, replyHeaders)
          response.on('drain', () => sent.resume())
        },
        onBody(chunk) {
          if (!response.write(chunk)) sent.pause()
        },
        onEnd: () => void response.end(),
        onError: (error) => void response.destroy(error),
      },
    )
  }
}

const forward = client === 'lean' ? lean() : undici()

http
  .createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      forward(request.url!, parts.length === 1 ? parts[0]! : Buffer.concat(parts), response)
    })
  })
  .listen(Number(port), '127.0.0.1')
