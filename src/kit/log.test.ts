import { expect, test } from 'vitest'
import { makeLog } from './log.ts'

const linesOf = (
  act: (log: ReturnType<typeof makeLog>) => void,
  redact?: (line: string) => string,
): string => {
  const lines: string[] = []
  act(makeLog({ level: 'info', destination: { write: (line) => lines.push(line) }, redact }))
  return lines.join('')
}

test('secret headers are left out wherever they stand, and the rest of the line stays', () => {
  const line = linesOf((log) => {
    const headers = { authorization: 'Bearer hunter2', 'x-api-key': 'hunter2', accept: 'text/html' }
    log.info({ headers, request: { headers }, cookie: 'hunter2' }, 'seen')
  })
  expect(line).not.toContain('hunter2')
  expect(line).toContain('text/html')
})

test('what stands inside messages and errors passes the redaction of the whole line', () => {
  const line = linesOf(
    (log) => log.error({ err: new Error('upstream said sk-canary is wrong') }, 'key sk-canary failed'),
    (text) => text.replaceAll('sk-canary', '[redacted]'),
  )
  expect(line).toContain('[redacted]')
  expect(line).not.toContain('sk-canary')
})

test('of an error what it says of itself is kept, and nothing that hangs on it', () => {
  const error = Object.assign(new Error('duplicate key', { cause: new Error('the socket closed') }), {
    code: '23505',
    constraint: 'users_email',
    detail: 'Failing row contains (1, hunter2)',
    where: 'PL/pgSQL function with hunter2',
    request: { headers: { 'x-key': 'hunter2' }, body: 'hunter2' },
    response: { data: ['hunter2'] },
  })
  const line = linesOf((log) => log.error({ err: error }, 'failed'))
  expect(line).not.toContain('hunter2')
  for (const word of ['duplicate key', 'the socket closed', '23505', 'users_email', 'log.test.ts'])
    expect(line).toContain(word)
})
