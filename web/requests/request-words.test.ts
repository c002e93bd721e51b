import { expect, test } from 'vitest'
import { whatOf, wishesFor, wishesForModel } from './request-words.ts'

const everything = {
  services: null,
  models: null,
  groups: null,
  keyHealth: 'any' as const,
  maximumKeyAgeDays: null,
  dataRegions: null,
  noTraining: false,
}
const kindsOf = (...of: Parameters<typeof wishesFor>) => wishesFor(...of).map(({ kind }) => kind)

test('only what an answer could grant can be asked for', () => {
  expect(kindsOf({ allowed: null }, 'openai')).toEqual(['organization_key', 'own_key'])
  const limited = { allowed: { ...everything, services: ['groq'] } }
  expect(kindsOf(limited, 'openai')).toEqual(['service'])
  expect(kindsOf(limited, 'groq')).toEqual(['organization_key', 'own_key'])
})

test('a model is asked for where the list of models leaves it out, its service where that is all', () => {
  const of = (allowed: Partial<typeof everything> | null, model = 'gpt-x') =>
    wishesForModel({ allowed: allowed && { ...everything, ...allowed } }, 'openai', model).map(
      ({ kind }) => kind,
    )
  expect(of(null)).toEqual([])
  expect(of({ models: ['gpt-*'] } as never)).toEqual([])
  expect(of({ models: ['claude-*'] } as never)).toEqual(['model'])
  expect(of({ services: ['groq'] } as never)).toEqual(['service'])
  expect(of({ models: ['gpt-x'], services: ['groq'] } as never)).toEqual(['service'])
})

test('what is asked for fits into a sentence', () => {
  expect(whatOf({ kind: 'model', model: 'gpt-x' }, 'OpenAI')).toBe('gpt-x of OpenAI')
  expect(whatOf({ kind: 'organization_key', model: null }, 'OpenAI')).toBe('a shared key of OpenAI')
})
