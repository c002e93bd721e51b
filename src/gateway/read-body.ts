import type { IncomingMessage } from 'node:http'
import { clearDeadline, setDeadline } from '../kit/deadlines.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import type { GatewayLimits } from './limits.ts'

const json = /^application\/(?:[\w.+-]+\+)?json\b/i
const jsonOrForm = /^(?:application\/(?:[\w.+-]+\+)?json|multipart\/form-data)\b/i
const anything = /^/
const withFiles = new Set<Endpoint>(['image_edits', 'transcriptions', 'translations', 'videos'])

/** Content types that an endpoint takes. */
export const bodyTypesOf = (endpoint: Endpoint): RegExp => {
  if (endpoint === 'raw') return anything
  return withFiles.has(endpoint) ? jsonOrForm : json
}

/** The whole body, bounded in size and time. Requests are read whole because key choice needs the model in them. */
export const readBody = (
  request: IncomingMessage,
  limits: GatewayLimits,
  types: RegExp,
): Promise<Outcome<Buffer>> | Outcome<Buffer> => {
  const type = request.headers['content-type']
  if (type !== undefined && !types.test(type)) return failure('unsupported_media_type')
  if (request.headers['content-encoding'] !== undefined)
    return failure('unsupported_media_type', {
      message: 'Compressed request bodies are not accepted.',
      next: 'Send the body without content-encoding.',
    })
  if (Number(request.headers['content-length'] ?? 0) > limits.maximumBodyBytes)
    return failure('body_too_large')

  if (request.destroyed) return failure('request_timeout')

  return new Promise((done) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const deadline = setDeadline(() => finish(failure('request_timeout')), limits.bodyTimeoutMs)
    let isOver = false
    const finish = (outcome: Outcome<Buffer>) => {
      if (isOver) return
      isOver = true
      clearDeadline(deadline)
      done(outcome)
      if (outcome.ok) return
      request.removeAllListeners('data')
      // What still comes is read and dropped: a caller who is still sending would see a reset, not the refusal.
      request.resume()
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limits.maximumBodyBytes) finish(failure('body_too_large'))
      else chunks.push(chunk)
    })
    request.on('end', () =>
      finish(success(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))),
    )
    request.on('error', () => finish(failure('request_timeout')))
    request.on('close', () => finish(failure('request_timeout')))
  })
}
