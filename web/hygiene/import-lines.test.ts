import { expect, test } from 'vitest'
import type { ImportLine } from '../../src/contract/key-hygiene.ts'
import { canChoose, firstChoices, linesToSend, resultWords } from './import-lines.ts'

const line = (number: number, more: Partial<ImportLine> = {}): ImportLine => ({
  line: number,
  name: 'OPENAI_API_KEY',
  lastFour: '1234',
  serviceId: 'openai',
  candidates: ['openai'],
  baseUrl: null,
  settings: {},
  isStored: false,
  problem: null,
  warning: null,
  ...more,
})
const lines = [
  line(1),
  line(2, { isStored: true }),
  line(3, { serviceId: null, problem: 'Choose the service.' }),
  line(4, { problem: 'Its resource name is missing.' }),
]

test('only what can be imported as it is, and is not there yet, is chosen at first', () => {
  expect(linesToSend(lines, firstChoices(lines)).map((each) => each.line)).toEqual([1])
})

test('a line without a service can be chosen once it has one; one that lacks something cannot', () => {
  const choices = {
    ...firstChoices(lines),
    3: { isChosen: true, serviceId: 'mistral' },
    4: { isChosen: true, serviceId: 'openai' },
  }
  expect(canChoose(lines[2] as ImportLine, { isChosen: true, serviceId: null })).toBe(false)
  expect(linesToSend(lines, choices)).toEqual([
    { line: 1, lastFour: '1234', serviceId: 'openai' },
    { line: 3, lastFour: '1234', serviceId: 'mistral' },
  ])
})

test('what became of the lines is said in one sentence', () => {
  const result = (outcome: 'added' | 'already' | 'refused') => ({
    line: 1,
    outcome,
    serviceKey: null,
    fault: null,
  })
  expect(resultWords([result('added')])).toBe('1 added')
  expect(resultWords([result('added'), result('refused'), result('already')])).toBe(
    '1 added, 1 already there, 1 refused',
  )
})
