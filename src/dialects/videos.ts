import { failure, success } from '../kit/fault.ts'
import { noUsage } from '../metering/usage.ts'
import type { Codec } from './dialect.ts'
import { errorShapes } from './errors.ts'
import {
  bodyWithModel,
  countIn,
  firstUnlisted,
  type Form,
  type FormRequest,
  modelOf,
  readForm,
  textMeasure,
  variantIn,
} from './form.ts'
import { isObject } from './request.ts'

/**
 * Videos: made after the reply, so that this is only what begins one. Charged by the second and size:
 * `video_seconds:<size>`. https://platform.openai.com/docs/api-reference/videos/create
 */
const listed = new Set(['model', 'prompt', 'seconds', 'size', 'input_reference', 'user'])
const longestSeconds = 3_600
/** What the service takes where the caller leaves it open. */
const usualSeconds = 4
const usualSize = '720x1280'

/** A file of the account is somebody else’s on a system key. */
const unpricedIn = (form: Form): string | null => {
  const { input_reference: reference } = form.fields
  if (isObject(reference) && reference.file_id != null) return 'input_reference'
  return firstUnlisted(form, listed)
}

export const videosCodec: Codec = {
  parse: (source) => {
    const read = readForm(source)
    if (!read.ok) return read
    const { modelPart, ...form } = read.value
    const model = modelOf(form)
    if (!model.ok) return model
    // Clients send it as text, in JSON too.
    const given = form.fields.seconds
    const text = typeof given === 'string' && /^\d{1,4}$/.test(given) ? Number(given) : given
    const seconds = countIn({ ...form, fields: { seconds: text } }, 'seconds', longestSeconds)
    if (!seconds.ok) return seconds
    if (seconds.value === 0)
      return failure('invalid_request', { message: 'seconds must be above 0.', field: 'seconds' })
    return success<FormRequest>({
      endpoint: source.endpoint,
      body: source.body,
      contentType: form.isMultipart ? source.contentType : 'application/json',
      model: model.value,
      streamed: false,
      maximumOutputTokens: null,
      producesOutput: false,
      choices: 1,
      input: textMeasure(0),
      mostUnits: { [`video_seconds:${variantIn(form, 'size', usualSize)}`]: seconds.value ?? usualSeconds },
      unpriced: unpricedIn(form),
      wantsUsageEvent: true,
      form,
      modelPart,
    })
  },
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'json',
  makeTap: () => ({ classify: (_, ends) => ends.map(() => 'other'), reported: () => null }),
  usageOf: (_, { mostUnits }) => ({ ...noUsage, units: mostUnits ?? {} }),
  errorEvent: (fault, operationId) => `event: error\ndata: ${errorShapes.openai(fault, operationId)}\n\n`,
}
