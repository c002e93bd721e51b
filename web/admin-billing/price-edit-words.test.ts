import { describe, expect, test } from 'vitest'
import { changeText, editText, markupName, markupText, parseMarkup, withEdit } from './price-edit-words.ts'

describe('a markup', () => {
  test('is read in percent with at most two places, also below cost, within what can be', () => {
    expect(parseMarkup('20')).toBe(2000)
    expect(parseMarkup('-5')).toBe(-500)
    expect(parseMarkup('12.5')).toBe(1250)
    expect(parseMarkup('-99.99')).toBe(-9999)
    expect(parseMarkup('-100')).toBeNull()
    expect(parseMarkup('9900.01')).toBeNull()
    expect(parseMarkup('12.345')).toBeNull()
    expect(parseMarkup('')).toBeNull()
  })

  test('and what it is of are said in words', () => {
    expect(markupText(2000)).toBe('20 % on top')
    expect(markupText(-550)).toBe('5.5 % below cost')
    expect(markupText(0)).toBe('at cost')
    expect(markupName({ serviceId: null, model: null })).toBe('Everything')
    expect(markupName({ serviceId: 'openai', model: null })).toBe('All of openai')
    expect(markupName({ serviceId: 'openai', model: 'gpt-5*' })).toBe('openai/gpt-5*')
    expect(changeText(-550)).toBe('−5.5 %')
  })
})

test('of two edits of the same thing only the later one is kept', () => {
  const markup = { serviceId: 'openai', model: null } as const
  const first = { kind: 'set_markup', ...markup, markupBasisPoints: 1000 } as const
  const other = { kind: 'set_credit_worth', nanoUsdPerCredit: '10000000' } as const
  const later = { kind: 'remove_markup', ...markup } as const
  expect(withEdit(withEdit([first], other), later)).toEqual([other, later])
})

test('an edit says what it does in a line', () => {
  expect(
    editText({
      kind: 'set_price',
      serviceId: 'openai',
      model: 'gpt-5',
      unit: 'input',
      nanoUsd: '1250000000',
      per: '1000000',
    }),
  ).toBe('openai/gpt-5, Input, not cached: $1.25 / 1M tokens')
})
