import { type Outcome, success } from '../kit/fault.ts'
import { noUsage } from '../metering/usage.ts'
import type { Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { bodyWithModel, type FormRequest, modelOf, readForm, textMeasure } from './form.ts'
import { isObject } from './request.ts'

/** Moderations, free of charge at OpenAI. Shapes: https://platform.openai.com/docs/api-reference/moderations */

/** The only endpoint whose model may be left out; then the service's newest is meant. */
const newest = 'omni-moderation-latest'

const parse = (source: RequestSource): Outcome<ParsedRequest> => {
  const read = readForm(source)
  if (!read.ok) return read
  const { modelPart, ...form } = read.value
  const model = form.fields.model == null ? success(newest) : modelOf(form)
  if (!model.ok) return model
  return success<FormRequest>({
    endpoint: source.endpoint,
    body: source.body,
    contentType: 'application/json',
    model: model.value,
    streamed: false,
    maximumOutputTokens: null,
    producesOutput: false,
    choices: 1,
    input: textMeasure(0),
    mostUnits: { request: 1 },
    unpriced: null,
    wantsUsageEvent: true,
    form,
    modelPart,
  })
}

const usageOf = (body: Buffer) => {
  try {
    const reply: unknown = JSON.parse(body.toString('utf8'))
    return isObject(reply) && Array.isArray(reply.results) ? { ...noUsage, units: { request: 1 } } : null
  } catch {
    return null
  }
}

export const moderationsCodec: Codec = {
  parse,
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'json',
  makeTap: () => ({ classify: (_, ends) => ends.map(() => 'other'), reported: () => null }),
  usageOf: ({ body }) => usageOf(body),
  errorEvent: (fault, operationId) => `data: ${errorShapes.openai(fault, operationId)}\n\n`,
}
