import { failure, type Outcome, success } from '../kit/fault.ts'
import { type Members, readMembers } from './json-members.ts'
import { isObject, parseObject, readModel, readObject } from './request.ts'

/**
 * Requests of Gemini's API: protocol buffers as JSON, so that every field has two names, `generationConfig` and
 * `generation_config`, and both are understood. https://ai.google.dev/api
 */
export type Fields = Readonly<Record<string, unknown>>

const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** A message by its fields' camel-case names. Of a field that is there under both, the last counts. */
export const fieldsOf = (message: unknown): Fields =>
  isObject(message)
    ? Object.fromEntries(Object.entries(message).map(([name, value]) => [camel(name), value]))
    : {}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A field that occurs twice, under the same name or both. */
const duplicateIn = ({ byName, duplicate }: Members): string | null => {
  if (duplicate !== null) return duplicate
  const seen = new Set<string>()
  for (const name of byName.keys()) {
    if (seen.has(camel(name))) return name
    seen.add(camel(name))
  }
  return null
}

/** The name that a caller gave to a field, or the ordinary one. */
export const nameIn = ({ byName }: Members, field: string): string =>
  [...byName.keys()].find((name) => camel(name) === field) ?? field

export interface GeminiRequest {
  readonly model: string
  readonly fields: Fields
  readonly generationConfig: Fields
}

const openBrace = 0x7b

/** The model is named by the path; where the body names one too, it must be the same. */
export const readGemini = (body: Buffer, pathModel: string | null): Outcome<GeminiRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const model = readModel({ model: pathModel ?? undefined })
  if (!model.ok) return model
  const members = readMembers(body)
  const duplicate = duplicateIn(members)
  if (duplicate !== null) return failure('duplicate_field', { field: duplicate })
  const fields = fieldsOf(object.value)
  const config = readObject(fields, 'generationConfig')
  if (!config.ok) return config
  const member = members.byName.get(nameIn(members, 'generationConfig'))
  if (member !== undefined && body[member.start] === openBrace) {
    const nested = duplicateIn(readMembers(body, member.start))
    if (nested !== null) return failure('duplicate_field', { field: `generationConfig.${nested}` })
  }
  const named = [fields, fieldsOf(fields.generateContentRequest), ...listOf(fields.requests).map(fieldsOf)]
  if (named.some((message) => !isSameModel(message.model, model.value)))
    return failure('invalid_request', {
      message: 'The model in the body is not the model in the path.',
      field: 'model',
    })
  return success({ model: model.value, fields, generationConfig: fieldsOf(config.value) })
}

const prefix = 'models/'
const withoutPrefix = (model: string) => (model.startsWith(prefix) ? model.slice(prefix.length) : model)

const isSameModel = (named: unknown, model: string): boolean =>
  named === undefined ||
  named === null ||
  (typeof named === 'string' && withoutPrefix(named) === withoutPrefix(model))

/** Whether what is named may be read by any account: no upload, no bucket. */
const isPublicUri = (uri: unknown): boolean => {
  const url = typeof uri === 'string' ? URL.parse(uri) : null
  return url?.protocol === 'https:' && !/(?:^|\.)googleapis\.com$/.test(url.hostname)
}

/** What a part brings along beside text. `base64` is null where it is named by an address. */
export interface Attachment {
  readonly kind: 'image' | 'audio' | 'video' | 'document'
  readonly base64: string | null
  /** Everybody may have it; false for files of the account. */
  readonly isPublic: boolean
}

const kindOf = (mimeType: unknown): Attachment['kind'] => {
  const type = typeof mimeType === 'string' ? mimeType.slice(0, mimeType.indexOf('/')) : ''
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'document'
}

/** Attachments of a part, also those within the result of a function; those are not nested any deeper. */
export const attachmentsOf = (part: Fields): Attachment[] => {
  const found: Attachment[] = []
  const inline = fieldsOf(part.inlineData)
  if (typeof inline.data === 'string')
    found.push({ kind: kindOf(inline.mimeType), base64: inline.data, isPublic: true })
  if (isObject(part.fileData)) {
    const { mimeType, fileUri } = fieldsOf(part.fileData)
    // A video's address (YouTube) comes without a type.
    const kind = mimeType === undefined ? 'video' : kindOf(mimeType)
    found.push({ kind, base64: null, isPublic: isPublicUri(fileUri) })
  }
  for (const nested of listOf(fieldsOf(part.functionResponse).parts)) {
    const { inlineData, fileData } = fieldsOf(nested)
    found.push(...attachmentsOf({ inlineData, fileData }))
  }
  return found
}

/** Parts of one content or of a list of them; a content may be written without its list. */
export const partsOf = (contents: unknown): Fields[] =>
  (Array.isArray(contents) ? contents : [contents]).flatMap((content) => {
    const { parts } = fieldsOf(content)
    return (Array.isArray(parts) ? parts : [parts]).filter(isObject).map(fieldsOf)
  })
