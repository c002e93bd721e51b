import { type Fault, fault } from '../kit/fault.ts'
import type { Endpoint, Task } from '../services/service.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import { nearNames } from './near.ts'

const quoted = (model: string) => JSON.stringify(model.slice(0, 80))

const seeModels = (near: readonly string[]): string =>
  near.length === 0 ? 'See GET /v1/models.' : `Did you mean ${near.join(', or ')}? See GET /v1/models.`

export const unknownGroup = (groups: readonly ModelGroup[], model: string): Fault =>
  fault('unknown_model', {
    message: `There is no model group ${quoted(model)}.`,
    next: seeModels(
      nearNames(
        model,
        groups.map(({ id }) => groupPrefix + id),
      ),
    ),
    field: 'model',
  })

export const wrongTask = ({ id, task }: ModelGroup): Fault =>
  fault('model_not_for_endpoint', {
    message: `The models of ${groupPrefix}${id} are for another task (${task}).`,
    next: 'Use a group or a model of this endpoint’s task.',
    field: 'model',
  })

export const emptyGroup = ({ id }: ModelGroup): Fault =>
  fault('unknown_model', {
    message: `No service here offers a model of ${groupPrefix}${id} at this endpoint.`,
    next: 'Ask an administrator to change the group or to switch a service on.',
    field: 'model',
  })

/** Offered, but not where it was asked for: it does something else, or its service does not speak this endpoint. */
export const notHere = (
  model: string,
  asked: Task,
  tasks: readonly Task[],
  paths: readonly string[],
): Fault =>
  fault('model_not_for_endpoint', {
    message: tasks.includes(asked)
      ? `The model ${quoted(model)} is offered here, but not at this endpoint.`
      : `The model ${quoted(model)} is for ${tasks.map((task) => taskNames[task] ?? task).join(' and ')}, not for ${taskNames[asked] ?? asked}.`,
    next: `Use it at ${paths.join(' or ')}, or ask this endpoint for another model.`,
    field: 'model',
  })

const taskNames: Readonly<Partial<Record<Task, string>>> = {
  chat: 'chats',
  embedding: 'embeddings',
  image: 'images',
  speech: 'speech',
  transcription: 'transcripts',
  moderation: 'moderation',
  rerank: 'ranking',
  video: 'videos',
}

export const unknownModel = (model: string, names: Iterable<string>): Fault =>
  fault('unknown_model', {
    message: `No service here offers the model ${quoted(model)}.`,
    next: seeModels(nearNames(model, names)),
    field: 'model',
  })

/** Where a caller would ask for it. */
export const callerPaths: readonly (readonly [Endpoint, string])[] = Object.entries({
  chat_completions: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  generate_content: '/v1beta/models/…:generateContent',
  embeddings: '/v1/embeddings',
  embed_content: '/v1beta/models/…:embedContent',
  image_generations: '/v1/images/generations',
  image_edits: '/v1/images/edits',
  speech: '/v1/audio/speech',
  transcriptions: '/v1/audio/transcriptions',
  translations: '/v1/audio/translations',
  moderations: '/v1/moderations',
  rerank: '/v1/rerank',
  videos: '/v1/videos',
  realtime: '/v1/realtime',
} satisfies Partial<Record<Endpoint, string>>) as [Endpoint, string][]
