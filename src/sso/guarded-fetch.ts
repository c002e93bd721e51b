import { FaultError } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'

const timeoutMs = 8_000
/** Metadata and key sets of large providers are below 100 kB. */
const maximumBytes = 512 * 1024

interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: unknown
}

/** `fetch` as openid-client wants it, over the one guarded way out. Redirects come back as they are: it takes none. */
export const guardedFetch =
  (outbound: Pick<Outbound, 'request'>) =>
  async (url: string, { method, headers, body }: FetchOptions): Promise<Response> => {
    const text =
      typeof body === 'string' ? body : body instanceof URLSearchParams ? body.toString() : undefined
    const reply = await outbound.request({
      method,
      url,
      headers,
      ...(text === undefined ? {} : { body: text }),
      timeoutMs,
      maximumBytes,
    })
    if (!reply.ok) throw new FaultError(reply.fault)
    const { status, headers: received, body: replied } = reply.value
    const type = received['content-type']
    return new Response(status === 204 || status === 304 ? null : replied, {
      status,
      headers: type === undefined ? {} : { 'content-type': type },
    })
  }

/** The fault under the errors that libraries put around it. */
export const faultUnder = (error: unknown): FaultError | null => {
  let one: unknown = error
  for (let depth = 0; depth < 5 && one instanceof Error; depth++) {
    if (one instanceof FaultError) return one
    one = one.cause
  }
  return null
}
