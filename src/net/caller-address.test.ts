import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { makeCallerAddress } from './caller-address.ts'

const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage

test.each([
  ['nobody vouches: what is forwarded is a claim', [], '203.0.113.9', '198.51.100.7', '203.0.113.9'],
  ['the proxy does', ['10.0.0.0/8'], '10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['as a listener on :: sees it', ['10.0.0.0/8'], '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
  ['over IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::1', '2001:db8::1'],
  [
    'what the caller put there itself',
    ['10.0.0.0/8'],
    '10.0.0.1',
    '198.51.100.7, 203.0.113.9',
    '203.0.113.9',
  ],
  ['two proxies', ['10.0.0.0/8'], '10.0.0.1', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['around the proxy', ['10.0.0.0/8'], '203.0.113.9', '198.51.100.7', '203.0.113.9'],
  ['the proxy itself', ['10.0.0.0/8'], '10.0.0.1', undefined, '10.0.0.1'],
  ['no address', ['10.0.0.0/8'], '10.0.0.1', 'unknown', 'unknown'],
  ['a caller who has gone', ['10.0.0.0/8'], undefined, undefined, ''],
])('the address of a caller: %s', (_, trusted, remote, forwarded, expected) => {
  expect(makeCallerAddress(trusted)(from(remote, forwarded))).toBe(expected)
})
