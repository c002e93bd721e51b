import { isObject } from '../dialects/request.ts'
import type { NamedResource } from '../long-operations/resources.ts'
import type { ResourceCall } from './resource-paths.ts'

/** Fields of requests that name something the service keeps, and what that is. */
const references: Readonly<Record<string, string>> = {
  file_id: 'file',
  file_ids: 'file',
  input_file_id: 'file',
  training_file: 'file',
  validation_file: 'file',
  fileName: 'file',
  file_name: 'file',
  fileUri: 'file',
  file_uri: 'file',
  previous_response_id: 'response',
  response_id: 'response',
  conversation: 'conversation',
  container: 'container',
  container_id: 'container',
  vector_store_id: 'vector_store',
  vector_store_ids: 'vector_store',
  fileSearchStoreNames: 'file_search_store',
  file_search_store_names: 'file_search_store',
  cachedContent: 'cached_content',
  cached_content: 'cached_content',
  upload_id: 'upload',
  batch_id: 'batch',
  video: 'video',
  video_id: 'video',
  assistant_id: 'assistant',
  thread_id: 'thread',
  eval_id: 'eval',
  skill_id: 'skill',
}
/** An object there names it by `id`; elsewhere an object is another thing. */
const named = new Set(['conversation', 'container', 'video'])
/** Names of these are file names elsewhere. */
const geminiName = /(?:^|\/)((?:files|cachedContents|fileSearchStores)\/[\w-]{1,100})$/
const mustBeGemini = new Set([
  'fileName',
  'file_name',
  'fileUri',
  'file_uri',
  'cachedContent',
  'cached_content',
])

/** What a request holds, beside what is sent along, of the service's own stock. A few hundred at most. */
export const referencesIn = (value: unknown): NamedResource[] => {
  const found: NamedResource[] = []
  walk(value, found)
  return found.slice(0, mostReferences + 1)
}
export const mostReferences = 500

/** What people's own programs put into a call: names of theirs, whatever they look like. */
const foreign = new Set(['metadata', 'labels', 'parameters', 'input_schema', 'schema', 'args', 'properties'])
const isForeign = (object: Record<string, unknown>, field: string): boolean =>
  foreign.has(field) ||
  (field === 'input' && String(object['type']).endsWith('_use')) ||
  (field === 'response' && typeof object['name'] === 'string')

const walk = (value: unknown, found: NamedResource[]): void => {
  const waiting: unknown[] = [value]
  while (waiting.length > 0 && found.length <= mostReferences) {
    const next = waiting.pop()
    if (Array.isArray(next)) for (const item of next) waiting.push(item)
    else if (isObject(next)) readObject(next, found, waiting)
  }
}

const readObject = (object: Record<string, unknown>, found: NamedResource[], waiting: unknown[]): void => {
  if (isItemByName(object)) found.push({ id: object['id'] as string, kind: 'item' })
  for (const [field, value] of Object.entries(object)) {
    if (isForeign(object, field)) continue
    const kind = Object.hasOwn(references, field) ? references[field] : undefined
    if (kind !== undefined) for (const id of idsIn(field, value)) found.push({ id, kind })
    if (typeof value === 'object' && value !== null) waiting.push(value)
  }
}

/** Items of stored responses: a reference, or a thought that is not brought along. */
const isItemByName = (object: Record<string, unknown>): boolean =>
  typeof object['id'] === 'string' &&
  (object['type'] === 'item_reference' ||
    (object['type'] === 'reasoning' &&
      typeof object['encrypted_content'] !== 'string' &&
      !Array.isArray(object['content'])))

const idsIn = (field: string, value: unknown): string[] => {
  const values = Array.isArray(value) ? value : [value]
  return values.flatMap((one) => {
    const id = isObject(one) && named.has(field) ? one['id'] : one
    if (typeof id !== 'string' || id === '' || id === 'auto') return []
    if (!mustBeGemini.has(field)) return [id]
    const name = geminiName.exec(id)?.[1]
    return name === undefined ? [] : [name]
  })
}

/** One pass for all of them; a name may be written in escapes. */
const nameOrEscape = new RegExp(`"(?:${Object.keys(references).join('|')}|reasoning)"|item_reference|\\\\u`)

/** Whether a body could name anything: most do not, and need not be read once more. */
export const mayName = (body: Buffer): boolean => nameOrEscape.test(body.toString('latin1'))

export interface NamedInReply {
  readonly made: readonly NamedResource[]
  readonly named: readonly NamedResource[]
}

/** What the reply to a call about resources tells: what was made, and what came of it. */
export const namesInReply = (call: ResourceCall, method: string, reply: unknown): NamedInReply => {
  if (!isObject(reply)) return nothing
  const own = idOf(reply) ?? idOf(reply['file']) ?? idOf(reply['video'])
  const isNew = method === 'POST' && own !== null && own !== call.id
  const made = isNew ? [{ id: own, kind: call.kind }] : []
  const inner = call.kind === 'upload' ? idOf(reply['file']) : null
  const listed =
    call.action === 'list' && Array.isArray(reply['data']) ? reply['data'].slice(0, mostListed) : []
  return {
    made: inner === null ? made : [...made, { id: inner, kind: 'file' }],
    named: [
      ...outcomes(reply),
      ...listed.flatMap((item) => {
        const id = idOf(item)
        return id === null ? [] : [{ id, kind: call.kind }]
      }),
    ],
  }
}
const nothing: NamedInReply = { made: [], named: [] }
const mostListed = 1_000

/** OpenAI and Anthropic say `id`, Gemini `name` with the collection in it. */
const idOf = (value: unknown): string | null => {
  if (!isObject(value)) return null
  if (typeof value['id'] === 'string') return value['id']
  const { name } = value
  return typeof name === 'string' && /^[a-zA-Z]+\/[\w-]+$/.test(name) ? name : null
}

/** Files that batches and trainings end in. */
const outcomes = (reply: Record<string, unknown>): NamedResource[] =>
  ['output_file_id', 'error_file_id', 'result_files'].flatMap((field) =>
    [reply[field]].flat().flatMap((id) => (typeof id === 'string' ? [{ id, kind: 'file' }] : [])),
  )

/** A reply of POST /v1/responses, or what its stream says of it. */
export const namesInResponse = (response: unknown): NamedInReply => {
  if (!isObject(response) || typeof response['id'] !== 'string') return nothing
  const output = Array.isArray(response['output']) ? response['output'] : []
  return { made: [{ id: response['id'], kind: 'response' }], named: output.flatMap(itemNamed) }
}

export const itemNamed = (item: unknown): NamedResource[] =>
  isObject(item) && typeof item['id'] === 'string' ? [{ id: item['id'], kind: 'item' }] : []
