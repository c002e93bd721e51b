import { expect, test } from 'vitest'
import { explainBody, simulatorSearch } from './supposition.ts'

test('what the address bar says wrongly is dropped, and the rest still holds', () => {
  const search = simulatorSearch.parse({
    model: 'gpt-4o',
    endpoint: 'no such endpoint',
    with: 'openai,../x,groq',
    without: '!!',
    preference: 'whatever',
    noCredits: 'yes',
    in: '1200',
    out: '-3',
  })
  expect(search).toEqual({ model: 'gpt-4o', with: 'openai,groq', in: 1200 })
})

test('a call without a model is not asked about; one with suppositions says them all', () => {
  expect(explainBody({})).toBeNull()
  expect(
    explainBody({ model: 'gpt-4o', with: 'openai', preference: 'none', noCredits: true, out: 10 }),
  ).toEqual({
    model: 'gpt-4o',
    endpoint: 'chat_completions',
    outputTokens: 10,
    suppose: { withOwnKeyAt: ['openai'], withoutOwnKeyAt: [], preference: 'none', noCredits: true },
  })
})
