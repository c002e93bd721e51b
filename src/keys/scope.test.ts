import { describe, expect, test } from 'vitest'
import { isOverBroad, type ScopeNote, scopeNotesOf, scopeOf, scopeText } from './scope.ts'

const long = 'a'.repeat(60)
const json = JSON.stringify

describe('what a key may do beyond serving operations', () => {
  test.each<[string, string, unknown, ScopeNote[], boolean]>([
    ['openai', `sk-admin-${long}`, null, ['administration'], true],
    ['openai', `sk-${'a'.repeat(20)}T3BlbkFJ${'b'.repeat(20)}`, { data: [] }, ['person'], false],
    ['openai', `sk-proj-${long}`, { data: [] }, [], false],
    ['anthropic', `sk-ant-admin01-${long}AA`, null, ['administration'], true],
    ['anthropic', `sk-ant-api03-${long}AA`, { data: [] }, [], false],
    ['anthropic', `sk-ant-oat01-${long}`, { data: [] }, ['short_lived'], false],
    ['openrouter', long, { data: { is_management_key: true, limit: null } }, ['management'], true],
    ['openrouter', long, { data: { is_provisioning_key: true } }, ['management'], true],
    ['openrouter', long, { data: { is_management_key: false, limit: null } }, ['no_spending_limit'], false],
    ['openrouter', long, { data: { is_management_key: false, limit: 20 } }, [], false],
    ['xai', `xai-${long}`, { acls: ['api-key:endpoint:*', 'api-key:model:*'] }, ['all_endpoints'], false],
    ['xai', `xai-${long}`, { acls: ['api-key:endpoint:chat', 'api-key:model:*'] }, [], false],
    ['xai', `xai-token-${long}`, null, ['management'], true],
    ['huggingface', long, { auth: { accessToken: { role: 'write' } } }, ['write_access'], false],
    ['huggingface', long, { auth: { accessToken: { role: 'read' } } }, [], false],
    [
      'huggingface',
      long,
      {
        auth: {
          accessToken: { role: 'fineGrained', fineGrained: { scoped: [{ permissions: ['repo.write'] }] } },
        },
      },
      ['write_access'],
      false,
    ],
    [
      'huggingface',
      long,
      {
        auth: {
          accessToken: {
            role: 'fineGrained',
            fineGrained: { global: [], scoped: [{ permissions: ['inference.serverless.write'] }] },
          },
        },
      },
      [],
      false,
    ],
    ['elevenlabs', long, { subscription: {} }, ['account_access'], false],
    ['bedrock', `ABSK${long}`, {}, ['long_lived'], false],
    ['mistral', long, { is_management_key: true }, [], false],
  ])('%s %.16s… %j: %j', (serviceId, secret, reply, notes, unfit) => {
    expect(scopeOf(serviceId, secret, reply === null ? null : json(reply))).toEqual({ notes, unfit })
  })

  test.each(['', 'null', '[]', '{"data":1}', '{"acls":"*"}', '{"auth":{"accessToken":[]}}', '<html>'])(
    'a reply that says something else says nothing: %s',
    (reply) => {
      for (const serviceId of ['openrouter', 'xai', 'huggingface'])
        expect(scopeOf(serviceId, long, reply)).toEqual({ notes: [], unfit: false })
    },
  )
})

test('notes of another version are left out, and none is told without words', () => {
  const notes = scopeNotesOf(['administration', 'unheard_of', 'short_lived', 'toString'])
  expect(notes).toEqual(['administration', 'short_lived'])
  expect(notes.map(scopeText).every((text) => text.endsWith('.'))).toBe(true)
  expect(notes.map(isOverBroad)).toEqual([true, false])
})
