import type { ServerResponse } from 'node:http'
import { groupPrefix } from '../routing/group.ts'
import { endpointOfTask } from '../routing/on-wire.ts'
import { type ModelListRequest, type UsableModel, usableModels, warmModels } from '../routing/model-list.ts'
import type { Candidate } from '../routing/route.ts'
import type { Dialect, Endpoint, Task } from '../services/service.ts'
import { canTranslate } from '../translation/translation.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { receiptHeaders, sendBody } from './reply.ts'

/** In the shape of the dialect's own list. */
const listIn = (dialect: Dialect, listed: readonly UsableModel[]): unknown => {
  if (dialect === 'anthropic') return anthropicList(listed)
  return dialect === 'gemini' ? geminiList(listed) : openAiList(listed)
}

/** Null where the dialect's clients cannot ask for it. */
const endpointOf = (dialect: Dialect, task: Task): Endpoint | null => {
  if (dialect === 'anthropic') return task === 'chat' ? 'messages' : null
  if (dialect === 'gemini')
    return task === 'chat' ? 'generate_content' : task === 'embedding' ? 'embed_content' : null
  return endpointOfTask(task)
}

/** The price data has no dates of release; two dialects demand one. */
const epochStart = '1970-01-01T00:00:00Z'

/** What a dashboard shows beside a model; clients of the dialect do not look at it. */
const servedBy = ({ service, serviceKey }: Candidate) => ({
  service: service.id,
  key_owner: serviceKey.owner,
})

const openAiList = (listed: readonly UsableModel[]) => ({
  object: 'list',
  data: listed.map(({ id, first }) => ({
    id,
    object: 'model',
    created: 0,
    owned_by: id.startsWith(groupPrefix) ? 'aideon' : first.service.id,
    aideon: servedBy(first),
  })),
})

const anthropicList = (listed: readonly UsableModel[]) => ({
  data: listed.map(({ id }) => ({ type: 'model', id, display_name: id, created_at: epochStart })),
  has_more: false,
  first_id: listed[0]?.id ?? null,
  last_id: listed.at(-1)?.id ?? null,
})

const geminiList = (listed: readonly UsableModel[]) => ({
  models: listed.map(({ id, endpoint }) => ({
    name: `models/${id}`,
    displayName: id,
    supportedGenerationMethods:
      endpoint === 'embed_content'
        ? ['embedContent', 'batchEmbedContents']
        : ['generateContent', 'streamGenerateContent', 'countTokens'],
  })),
})

export const sendModels = async (
  { callers, catalogue, clock, prices }: GatewayParts,
  operation: Operation,
  caller: Caller,
  response: ServerResponse,
): Promise<void> => {
  const { dialect } = operation.target
  const request: ModelListRequest = {
    endpointOf: (task) => endpointOf(dialect, task),
    control: caller.person.control,
    preferences: caller.person.preferences,
    askedFallback: undefined,
    ownKeys: caller.ownKeys,
    systemKeys: await callers.systemKeys(),
    services: catalogue.enabled(),
    priceBook: prices.current(),
    groups: catalogue.groups.list(),
    translates: canTranslate,
    now: clock(),
  }
  await warmModels(request)
  const list = listIn(dialect, usableModels(request))
  operation.reason = 'list'
  sendBody(
    response,
    200,
    ['content-type', 'application/json', ...receiptHeaders(operation, 0n)],
    JSON.stringify(list),
  )
}
