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
