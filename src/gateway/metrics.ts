import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Access } from '../access/access.ts'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import { fault, statusOf } from '../kit/fault.ts'
import type { Counters } from './counters.ts'

/** GET /metrics in Prometheus' text format, for a platform token with the scope `read_metrics`. */
export const makeMetrics =
  ({ access, counters, more }: { access: Access; counters: Counters; more?: () => Promise<string> }) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = /^bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const found = isWellFormed(token) ? await access.authenticate(hashOfToken(token)).catch(() => null) : null
    if (found?.ok && found.value.scopes.includes('read_metrics')) {
      // Figures of the database are left out while it is away; those of this process are wanted then.
      const others = (await more?.().catch(() => '')) ?? ''
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'cache-control': 'no-store' })
      response.end((await counters.text()) + others)
      return
    }
    const { code, message, next } = fault(found?.ok ? 'insufficient_scope' : 'invalid_token')
    response.writeHead(statusOf(fault(code)), { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { code, message, next } }))
  }
