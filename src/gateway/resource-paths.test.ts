import { expect, test } from 'vitest'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { resourceCallOf } from './resource-paths.ts'

test.each([
  ['openai', 'POST', '/v1/files', 'file null create'],
  ['openai', 'GET', '/v1/files', 'file null list'],
  ['openai', 'GET', '/v1/files/file-1/content', 'file file-1 use'],
  ['openai', 'DELETE', '/v1/files/file%2D1', 'file file-1 delete'],
  ['openai', 'DELETE', '/v1/vector_stores/vs_1/files/file-1', 'vector_store vs_1 use'],
  ['openai', 'GET', '/v1/fine_tuning/jobs/ftjob-1/events', 'fine_tuning_job ftjob-1 use'],
  ['openai', 'POST', '/v1/responses/compact', 'response null create'],
  ['openai', 'GET', '/v1/responses/resp_1/input_items', 'response resp_1 use'],
  ['openai', 'GET', '/v1/chat/completions/chatcmpl-1', 'completion chatcmpl-1 use'],
  ['openai', 'POST', '/v1/videos/video_1/remix', 'video video_1 use'],
  ['openai', 'GET', '/v1/videos/characters/char_1', 'character char_1 use'],
  ['custom', 'GET', '/files/file-1', 'file file-1 use'],
  ['groq', 'GET', '/v1/batches/batch_1', 'batch batch_1 use'],
  ['anthropic', 'GET', '/v1/messages/batches', 'batch null list'],
  ['anthropic', 'GET', '/v1/messages/batches/msgbatch_1/results', 'batch msgbatch_1 use'],
  ['gemini', 'GET', '/v1beta/files/abc', 'file files/abc use'],
  ['gemini', 'POST', '/upload/v1beta/files', 'file null create'],
  ['gemini', 'POST', '/v1beta/batches/b1:cancel', 'batch batches/b1 use'],
  ['gemini', 'PATCH', '/v1beta/cachedContents/c1', 'cached_content cachedContents/c1 use'],
])('%s %s %s is %s', (id, method, path, expected) => {
  const call = resourceCallOf(findService(id) as Service, path, method)
  expect(call && `${call.kind} ${call.id} ${call.action}`).toBe(expected)
})

test.each([
  ['openai', '/v1/organization/usage'],
  ['anthropic', '/v1/organizations/me'],
  ['gemini', '/v1beta/tunedModels/1'],
])('nothing is known of %s %s', (id, path) => {
  expect(resourceCallOf(findService(id) as Service, path, 'GET')).toBeNull()
})
