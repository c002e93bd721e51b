// The floor for a gateway on node:http and undici: passes bytes through and replaces the credential, and does
// nothing else. No tokens, limits, time-outs, records, or care for callers that hang up.
//
//   node bench/reference-proxy.ts PORT UPSTREAM_ORIGIN
import http from 'node:http'
import { Pool } from 'undici'

const [port, upstream] = process.argv.slice(2)
const pool = new Pool(upstream!, { connections: 256, pipelining: 1 })
const authorization = `Bearer ${process.env['BENCH_SERVICE_KEY']}`

const forward = (path: string, body: Buffer, response: http.ServerResponse): void => {
  pool.dispatch(
    {
      method: 'POST',
      path,
      body,
      headers: { authorization, 'content-type': 'application/json', 'content-length': String(body.length) },
    },
    {
      onRequestStart() {},
      onResponseStart(controller, status, headers) {
        const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = headers
        response.writeHead(status, kept)
        response.on('drain', () => controller.resume())
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause()
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError(_, error) {
        response.destroy(error)
      },
    },
  )
}

http
  .createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      forward(request.url!, parts.length === 1 ? parts[0]! : Buffer.concat(parts), response)
    })
  })
  .listen(Number(port), '127.0.0.1')
