import { expect, test } from 'vitest'
import type { StatementLine } from '../../src/contract/statements.ts'
import { categoriesOf, lineSubject } from './statement-words.ts'

test('a charge that was given back is a correction, and was not bought', () => {
  expect(categoriesOf('purchases')).toBe('purchase')
  expect(categoriesOf('corrections')?.split(',')).toContain('refund')
})

const operation = { model: 'gpt-4.1-mini', endpoint: 'chat_completions' } as StatementLine['operation']
const invoice = { number: 'INV-000007' } as StatementLine['invoice']
const line = (parts: Partial<StatementLine>) =>
  ({ operation: null, invoice: null, reason: null, ...parts }) as StatementLine

test('why an operation’s charge was corrected is told beside it', () => {
  expect(lineSubject(line({ operation }))).toBe('gpt-4.1-mini')
  expect(lineSubject(line({ operation, reason: 'An outage' }))).toBe('An outage, gpt-4.1-mini')
  expect(lineSubject(line({ invoice, reason: '500 credits' }))).toBe('500 credits, INV-000007')
  expect(lineSubject(line({ reason: 'Goodwill' }))).toBe('Goodwill')
  expect(lineSubject(line({}))).toBeNull()
})
