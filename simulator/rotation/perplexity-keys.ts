import { randomBytes } from 'node:crypto'
import {
  bearerOf,
  type Call,
  isFull,
  json,
  type Parts,
  readBody,
  type Reply,
  seconds,
  type StandIn,
  text,
  wordOf,
} from './stand-in.ts'

const service = 'perplexity'
const failure = (status: number, message: string): Reply =>
  json(status, { error: { message, type: status === 401 ? 'invalid_api_key' : 'bad_request', code: status } })

/**
 * Perplexity: a key makes its successor, and there is no list.
 * https://docs.perplexity.ai/docs/admin/api-key-management
 */
export const makePerplexityKeys = (parts: Parts): StandIn => {
  const { secrets, conditions, now, next } = parts
  const issue = (name: string, secret: string) =>
    secrets.issue({ service, id: `token-${next()}`, secret, name, delayMs: conditions.propagationMs })

  const generate = (call: Call): Reply => {
    const body = readBody(call, { token_name: text })
    if ('wrong' in body) return failure(400, body.wrong)
    if (isFull(parts, service)) return failure(400, 'The group has as many keys as it may have.')
    const name = wordOf(body.value['token_name'], 'API key')
    const one = issue(name, `pplx-${`DEMONOTAREALKEY${randomBytes(24).toString('hex')}`.slice(0, 48)}`)
    return json(200, { auth_token: one.secret, created_at_epoch_seconds: seconds(now()), token_name: name })
  }
  const revoke = (call: Call): Reply => {
    const body = readBody(call, { auth_token: text }, ['auth_token'])
    if ('wrong' in body) return failure(400, body.wrong)
    const secret = wordOf(body.value['auth_token'])
    const one = secrets.of(service).find((each) => each.secret === secret)
    if (!one) return failure(404, 'The token was not found.')
    secrets.revoke(service, one.id)
    return { status: 200, body: '' }
  }
  return {
    service,
    routes: [
      { method: 'POST', path: /^\/generate_auth_token$/, verb: 'create', handle: generate },
      { method: 'POST', path: /^\/revoke_auth_token$/, verb: 'revoke', handle: revoke },
    ],
    authenticate(call) {
      const key = bearerOf(call)
      return key !== null && secrets.use(service, key) === 'valid'
        ? null
        : failure(401, 'Invalid API key provided.')
    },
    refuse: failure,
    adopt: (secret, name = 'Made by hand') => issue(name, secret),
  }
}
