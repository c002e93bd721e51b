import { expect, test } from 'vitest'
import type { Service } from '../../src/contract/service-keys.ts'
import { groupServices } from './service-groups.ts'
import { areComplete, mistakeIn, readDocument, settingsToSend, withDocument } from './settings.ts'

const field = (id: string, more: object = {}) => ({
  id,
  label: id,
  hint: '',
  required: true,
  pattern: '^[a-z-]{2,20}$',
  flags: 'i',
  expected: 'Letters.',
  inSecret: null,
  ...more,
})
const service = (id: string, more: object = {}) =>
  ({
    id,
    name: id,
    enabled: true,
    tasks: ['chat'],
    needsBaseUrl: false,
    secretKind: 'word',
    settingFields: [],
    ...more,
  }) as unknown as Service

const vertex = service('vertex', {
  secretKind: 'json',
  settingFields: [
    field('project', { inSecret: 'project_id' }),
    field('location'),
    field('note', { required: false }),
  ],
})
const document = JSON.stringify({ project_id: 'my-project', client_email: 'a@b', private_key_id: '0123' })

test('a setting is mistaken when its pattern, with its flags, does not match; an empty one is not', () => {
  expect(mistakeIn(field('a'), ' My-Resource ')).toBeNull()
  expect(mistakeIn(field('a'), 'https://x')).toBe('Letters.')
  expect(mistakeIn(field('a'), '')).toBeNull()
})

test('a document fills in what it says, and never over what was entered', () => {
  expect(withDocument(vertex, {}, document)).toEqual({ project: 'my-project' })
  expect(withDocument(vertex, { project: 'other' }, document)).toEqual({ project: 'other' })
  expect(withDocument(vertex, {}, 'no document')).toEqual({})
  expect(withDocument(service('openai'), {}, document)).toEqual({})
})

test('settings are complete when every required one is there and right', () => {
  expect(areComplete(vertex, { project: 'my-project', location: 'here' })).toBe(true)
  expect(areComplete(vertex, { project: 'my-project', location: ' ' })).toBe(false)
  expect(areComplete(vertex, { project: 'my-project', location: 'here', note: '1' })).toBe(false)
})

test('all settings are sent, emptied ones too, and none for a service without', () => {
  expect(settingsToSend(vertex, { project: ' p ', location: 'l' })).toEqual({
    project: 'p',
    location: 'l',
    note: '',
  })
  expect(settingsToSend(service('openai'), { project: 'p' })).toBeUndefined()
})

test.each(['', 'x', '[]', 'null', '"text"', '{"a":'])('%j is no document', (text) => {
  expect(readDocument(text)).toBeNull()
})

test('every enabled service is in one group, recognised ones in the first', () => {
  const openai = service('openai')
  const all = [
    openai,
    vertex,
    service('custom', { needsBaseUrl: true }),
    service('midjourney', { needsBaseUrl: true, tasks: ['image'] }),
    service('deepgram', { tasks: ['transcription'] }),
    service('jina', { tasks: ['embedding', 'rerank'] }),
    service('groq', { enabled: false }),
  ]
  const shown = groupServices(all, [openai]).map(({ group, services }) => [
    group,
    services.map(({ id }) => id),
  ])
  expect(shown).toEqual([
    ['Looks like a key of', ['openai']],
    ['Cloud accounts', ['vertex']],
    ['Your own server', ['custom']],
    ['Images and video', ['midjourney']],
    ['Speech', ['deepgram']],
    ['Search and other', ['jina']],
  ])
})
