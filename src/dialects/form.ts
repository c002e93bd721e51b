import { failure, type Outcome, success } from '../kit/fault.ts'
import type { ParsedRequest, RequestSource } from './dialect.ts'
import type { InputMeasure } from './estimate.ts'
import { duplicateMember, readMembers, replaceMembers } from './json-members.ts'
import { isMultipart, type Part, readParts, replacePart, textOf } from './multipart.ts'
import { parseObject, readModel } from './request.ts'

/** A request with files, or the same as JSON: what both say, in one shape. */
export interface Form {
  readonly isMultipart: boolean
  /** By name, without `[]`; of names that occur more than once the list. Text of a form, any value of JSON. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly files: readonly Part[]
}

/** A request whose model may be replaced in a form. */
export interface FormRequest extends ParsedRequest {
  readonly form: Form
  readonly modelPart: Part | null
}

/** Names that clients repeat for lists; of all others a second one is ambiguous. */
const lists = new Set(['image', 'include', 'timestamp_granularities', 'keywords', 'languages'])

export const readForm = ({
  body,
  contentType,
}: RequestSource): Outcome<Form & { modelPart: Part | null }> => {
  if (!isMultipart(contentType)) return readJson(body)
  const parts = readParts(body, contentType)
  if (!parts.ok) return parts
  const files = parts.value.filter((part) => part.filename !== null)
  const fields: Record<string, unknown> = Object.create(null)
  let modelPart: Part | null = null
  for (const part of parts.value) {
    const name = part.name.replace(/\[\]$/, '')
    const isList = name !== part.name || lists.has(name)
    if (fields[name] !== undefined && !isList) return failure('duplicate_field', { field: name.slice(0, 80) })
    const value = part.filename === null ? textOf(body, part) : part.filename
    if (value === null)
      return failure('malformed_multipart', { message: 'A field of the form is not UTF-8.', field: name })
    fields[name] = isList ? [...((fields[name] as unknown[] | undefined) ?? []), value] : value
    if (part.name === 'model' && part.filename === null) modelPart = part
  }
  return success({ isMultipart: true, fields, files, modelPart })
}

const readJson = (body: Buffer): Outcome<Form & { modelPart: Part | null }> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const duplicate = duplicateMember(body, object.value)
  if (duplicate !== null) return failure('duplicate_field', { field: duplicate })
  return success({ isMultipart: false, fields: object.value, files: [], modelPart: null })
}

/** The model that the caller names. */
export const modelOf = (form: Form): Outcome<string> => readModel(form.fields)

/** A whole number of a JSON value or of a form's text, or null when it is absent. */
export const countIn = (form: Form, field: string, most: number): Outcome<number | null> => {
  const given = form.fields[field] ?? null
  if (given === null) return success(null)
  const value =
    typeof given === 'string' && form.isMultipart && /^\d{1,9}$/.test(given) ? Number(given) : given
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
    ? success(value)
    : failure('invalid_request', { message: `${field} must be a whole number up to ${most}.`, field })
}

const flags = new Map([
  ['true', true],
  ['false', false],
])

export const flagIn = (form: Form, field: string): Outcome<boolean> => {
  const given = form.fields[field] ?? false
  const value = form.isMultipart && typeof given === 'string' ? flags.get(given.toLowerCase()) : given
  return typeof value === 'boolean'
    ? success(value)
    : failure('invalid_request', { message: `${field} must be true or false.`, field })
}

/** A value for the name of a unit: what services know is short and plain; anything else is one and the same. */
export const variantIn = (form: Form, field: string, otherwise: string): string => {
  const value = form.fields[field] ?? otherwise
  return typeof value === 'string' && /^[a-z0-9._-]{1,24}$/i.test(value) ? value.toLowerCase() : 'other'
}

/** The first field that has no price, or null: what is listed is what is known to be covered by one. */
export const firstUnlisted = (form: Form, listed: ReadonlySet<string>): string | null =>
  Object.keys(form.fields).find((field) => form.fields[field] !== null && !listed.has(field)) ?? null

/** The caller's bytes with the service's name of the model. */
export const bodyWithModel = (request: ParsedRequest, model: string): Buffer => {
  const { body, modelPart } = request as FormRequest
  if (model === request.model) return body
  if (modelPart !== null) return replacePart(body, modelPart, model)
  return replaceMembers(body, readMembers(body), new Map([['model', model]]))
}

/** Text that is read as tokens; files are counted as units. */
export const textMeasure = (textBytes: number): InputMeasure => ({
  textBytes,
  hiddenTokens: 0,
  images: 0,
  documents: 0,
  documentBytes: 0,
})

export const textBytesOf = (form: Form, fields: readonly string[]): number =>
  fields.reduce((sum, field) => {
    const value = form.fields[field]
    return sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0)
  }, 0)
