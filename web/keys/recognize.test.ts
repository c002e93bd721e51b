import { expect, test } from 'vitest'
import type { Service } from '../../src/contract/service-keys.ts'
import { recognize, tidySecret } from './recognize.ts'

const secret = 'sk-proj-abcdefghijklmnopqrstuvwxyz'

test.each([
  secret,
  `  ${secret}\n`,
  `"${secret}"`,
  `'${secret}'`,
  `OPENAI_API_KEY=${secret}`,
  `export OPENAI_API_KEY="${secret}"`,
  `OPENAI_API_KEY = ${secret}`,
  `Bearer ${secret}`,
])('what is pasted as %j is the bare key', (pasted) => expect(tidySecret(pasted)).toBe(secret))

test.each(['abc=def', 'x=y==', 'Ab_c=1', 'ABCD=='])(
  'an equals sign that belongs to the key %j is kept',
  (pasted) => expect(tidySecret(pasted)).toBe(pasted),
)

test('a shape that only one service has wins over a general one', () => {
  const service = (id: string, pattern: string, specific: boolean) =>
    ({ id, keyShapes: [{ pattern, specific }] }) as Service
  const services = [service('openai', '^sk-.{20,}$', false), service('anthropic', '^sk-ant-.{20,}$', true)]
  const ids = (text: string) => recognize(services, text).map(({ id }) => id)
  expect(ids(`sk-ant-${'a'.repeat(30)}`)).toEqual(['anthropic'])
  expect(ids(`sk-${'a'.repeat(30)}`)).toEqual(['openai'])
  expect(ids('nothing known')).toEqual([])
})
