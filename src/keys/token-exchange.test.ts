import { expect, test } from 'vitest'
import { demoServiceAccount } from '../../simulator/service-account.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { OutboundReply, OutboundRequest } from '../net/outbound.ts'
import { vertex } from '../services/vertex.ts'
import { makeTokenExchange } from './token-exchange.ts'

let now = new Date('2026-11-22T12:00:00Z')
const secret = demoServiceAccount('Exchange')
const tokenReply = (token: string) => reply(200, { access_token: token, expires_in: 3600 })
const reply = (status: number, body: unknown): Outcome<OutboundReply> =>
  success({ status, headers: {}, body: JSON.stringify(body) })

/** Answers with these, one after the other. */
const exchangeWith = (...replies: Outcome<OutboundReply>[]) => {
  const asked: OutboundRequest[] = []
  const outbound = {
    request: async (request: OutboundRequest) => {
      asked.push(request)
      return replies.shift() ?? failure('service_unreachable')
    },
  }
  return { asked, ...makeTokenExchange({ outbound, clock: () => now }) }
}

test('a token is asked for once by many at once, kept until five minutes before its end, and asked for anew', async () => {
  const { tokenFor, asked } = exchangeWith(tokenReply('one'), tokenReply('two'))
  const tokens = await Promise.all([1, 2, 3].map(() => tokenFor('key 1', vertex, secret)))
  expect(tokens).toEqual([1, 2, 3].map(() => success('one')))
  now = new Date(now.getTime() + 3299_000)
  expect(await tokenFor('key 1', vertex, secret)).toEqual(success('one'))
  expect(asked).toHaveLength(1)
  now = new Date(now.getTime() + 2_000)
  expect(await tokenFor('key 1', vertex, secret)).toEqual(success('two'))
})

test('another version of a key does not get the token of the one before', async () => {
  const { tokenFor } = exchangeWith(tokenReply('one'), tokenReply('two'))
  expect(await tokenFor('key 1', vertex, secret)).toEqual(success('one'))
  expect(await tokenFor('key 2', vertex, secret)).toEqual(success('two'))
})

const skewed =
  'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.'
test.each([
  [
    'the account is gone',
    reply(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
    'service_key_refused',
  ],
  ['unauthorized', reply(401, {}), 'service_key_refused'],
  ['our clock is wrong', reply(400, { error: 'invalid_grant', error_description: skewed }), 'service_error'],
  ['another 400', reply(400, { error: 'invalid_request' }), 'service_error'],
  ['a proxy’s page', success({ status: 200, headers: {}, body: '<html>' }), 'service_error'],
  ['limited', reply(429, {}), 'service_error'],
  ['failing', reply(503, {}), 'service_error'],
  ['unreachable', failure('service_unreachable'), 'service_unreachable'],
] as const)(
  '%s: nothing is remembered, and only the service’s own word blames the key',
  async (_, answer, code) => {
    const { tokenFor, asked } = exchangeWith(answer, tokenReply('later'))
    expect(await tokenFor('key 1', vertex, secret)).toMatchObject({ ok: false, fault: { code } })
    expect(await tokenFor('key 1', vertex, secret)).toEqual(success('later'))
    expect(asked).toHaveLength(2)
  },
)
