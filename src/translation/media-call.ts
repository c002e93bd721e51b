import { readForm, type Form } from '../dialects/form.ts'
import { FaultError } from '../kit/fault.ts'
import { applyFields, type Fields } from './fields.ts'
import { limitFetch } from './model-fetch.ts'
import type { Notes } from './notes.ts'
import type { TranslationRequest } from './translation.ts'

/** The fields of a request, JSON or a form, each of which has its rule. */
export const formOf = (
  { body, contentType, endpoint }: TranslationRequest,
  fields: Fields,
  notes: Notes,
): Form => {
  const form = readForm({ body, contentType, endpoint, pathModel: null })
  if (!form.ok) throw new FaultError(form.fault)
  applyFields(form.value.fields, fields, '', notes)
  return form.value
}

export const modelParts = ({
  model,
  baseUrl,
  settings,
  fetch,
  maximumBytes,
  signal,
}: TranslationRequest) => ({
  model,
  baseUrl,
  settings,
  fetch: limitFetch(fetch, { maximumBytes, outputTokens: null, signal }),
})

/** A number that a form writes as text. */
export const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value

export const json = (body: unknown) => ({
  contentType: 'application/json',
  body: Buffer.from(JSON.stringify(body)),
})
