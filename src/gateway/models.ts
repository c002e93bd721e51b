import type { ServerResponse } from 'node:http'
import { failure } from '../kit/fault.ts'
import { groupPrefix } from '../routing/group.ts'
import { endpointOfTask } from '../routing/on-wire.ts'
import {
  type ModelListRequest,
  type UsableModel,
  usableModel,
  usableModels,
  warmModels,
} from '../routing/model-list.ts'
import type { Candidate } from '../routing/route.ts'
import type { Dialect, Endpoint, Task } from '../services/service.ts'
import { canTranslate } from '../translation/translation.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { receiptHeaders, sendBody, sendFault } from './reply.ts'

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

const openAiModel = ({ id, first }: UsableModel) => ({
  id,
  object: 'model',
  created: 0,
  owned_by: id.startsWith(groupPrefix) ? 'aideon' : first.service.id,
  aideon: servedBy(first),
})

const openAiList = (listed: readonly UsableModel[]) => ({ object: 'list', data: listed.map(openAiModel) })

const anthropicModel = ({ id }: UsableModel) => ({
  type: 'model',
  id,
  display_name: id,
  created_at: epochStart,
})

const anthropicList = (listed: readonly UsableModel[]) => ({
  data: listed.map(anthropicModel),
  has_more: false,
  first_id: listed[0]?.id ?? null,
  last_id: listed.at(-1)?.id ?? null,
})

const geminiModel = ({ id, endpoint }: UsableModel) => ({
  name: `models/${id}`,
  displayName: id,
  supportedGenerationMethods:
    endpoint === 'embed_content'
      ? ['embedContent', 'batchEmbedContents']
      : ['generateContent', 'streamGenerateContent', 'countTokens'],
})

const geminiList = (listed: readonly UsableModel[]) => ({ models: listed.map(geminiModel) })

/** In the shape of the dialect's own reply about one model. */
const modelIn = (dialect: Dialect, model: UsableModel): unknown => {
  if (dialect === 'anthropic') return anthropicModel(model)
  return dialect === 'gemini' ? geminiModel(model) : openAiModel(model)
}

export const sendModels = async (
  { callers, catalogue, clock, prices }: GatewayParts,
  operation: Operation,
  caller: Caller,
  response: ServerResponse,
): Promise<void> => {
  const { dialect } = operation.target
  const pathModel = operation.target.kind === 'models' ? operation.target.pathModel : null
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
    entitlements: caller.person.entitlements,
    tiers: callers.offeredTiers(),
  }
  operation.reason = 'list'
  if (pathModel !== null) {
    const found = usableModel(request, pathModel) ?? failure('model_not_for_endpoint', { field: 'model' })
    if (!found.ok) return sendFault(response, operation, found.fault)
    return sendModel(response, operation, modelIn(dialect, found.value))
  }
  await warmModels(request)
  sendModel(response, operation, listIn(dialect, usableModels(request)))
}

const sendModel = (response: ServerResponse, operation: Operation, body: unknown): void =>
  sendBody(
    response,
    200,
    ['content-type', 'application/json', ...receiptHeaders(operation, 0n)],
    JSON.stringify(body),
  )
