import { expect, test } from 'vitest'
import { fieldMistake, fieldsToSend, isWhole } from './credential-fields.ts'

const field = (id: string, more: object = {}) => ({
  id,
  label: id,
  hint: '',
  required: true,
  secret: false,
  kind: 'word' as const,
  pattern: '^[a-z]{2,}$',
  flags: '',
  expected: 'Letters.',
  ...more,
})
const fields = [field('project'), field('secret', { secret: true }), field('note', { required: false })]

test('a stored secret may stay empty; a required field may not', () => {
  expect(isWhole(fields, { project: 'mine' }, { secret: 'ab12' })).toBe(true)
  expect(isWhole(fields, { project: 'mine' }, {})).toBe(false)
  expect(isWhole(fields, { project: '', secret: 'fresh' }, {})).toBe(false)
  expect(isWhole(fields, { project: 'X', secret: 'fresh' }, {})).toBe(false)
})

test('an empty secret is not sent, so that it stays; another emptied field is', () => {
  expect(fieldsToSend(fields, { project: ' mine ', secret: '' })).toEqual({ project: 'mine', note: '' })
  expect(fieldsToSend(fields, { project: 'mine', secret: 'fresh' })).toMatchObject({ secret: 'fresh' })
})

test('only what was entered can be mistaken', () => {
  expect(fieldMistake(field('a'), '')).toBeNull()
  expect(fieldMistake(field('a'), '1')).toBe('Letters.')
})
