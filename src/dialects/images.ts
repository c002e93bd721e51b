import { type Outcome, success } from '../kit/fault.ts'
import { noUsage, type Units, type Usage } from '../metering/usage.ts'
import type { Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import {
  bodyWithModel,
  countIn,
  firstUnlisted,
  flagIn,
  type Form,
  type FormRequest,
  modelOf,
  readForm,
  textBytesOf,
  textMeasure,
  variantIn,
} from './form.ts'
import { makeMediaTap } from './media-tap.ts'
import { countOf, isCount } from './reported.ts'
import { isObject } from './request.ts'

/** Images: generations and edits. Shapes: https://platform.openai.com/docs/api-reference/images */
interface ImageRequest extends FormRequest {
  /** What one image is charged as where the service reports no tokens: `image:<size>:<quality>`. */
  readonly unit: string
}

/** Ten by the documents; more would be refused there. */
const mostImages = 100
/** A megapixel of gpt-image-1 in high quality is 4,160 tokens, of gpt-image-2 7,024; later ones may be dearer. */
const tokensPerMegapixel = 8_000
const tokensOfPartialImage = 100
/** With high fidelity an image of the input counts as up to 6,240 tokens and tiles. */
const tokensOfInputImage = 8_000
const pixelsElsewhere = 1_536 * 1_024

const listed = new Set([
  'model',
  'prompt',
  'n',
  'size',
  'quality',
  'style',
  'background',
  'moderation',
  'output_format',
  'output_compression',
  'response_format',
  'input_fidelity',
  'partial_images',
  'stream',
  'image',
  'images',
  'mask',
  'user',
  'safety_identifier',
])

const parse = (source: RequestSource): Outcome<ParsedRequest> => {
  const read = readForm(source)
  if (!read.ok) return read
  const { modelPart, ...form } = read.value
  const model = modelOf(form)
  if (!model.ok) return model
  const streamed = flagIn(form, 'stream')
  if (!streamed.ok) return streamed
  const n = countIn(form, 'n', mostImages)
  if (!n.ok) return n
  const partial = countIn(form, 'partial_images', mostImages)
  if (!partial.ok) return partial
  const choices = Math.max(n.value ?? 1, 1)
  const unit = unitOf(form, model.value)
  const inputImages = imagesIn(form)
  const each = imageTokens(form, tokensPerMegapixel) + (partial.value ?? 0) * tokensOfPartialImage
  const input = inputImages === 0 ? undefined : { input_image_tokens: inputImages * tokensOfInputImage }
  return success<ImageRequest>({
    endpoint: source.endpoint,
    body: source.body,
    contentType: form.isMultipart ? source.contentType : 'application/json',
    model: model.value,
    streamed: streamed.value,
    maximumOutputTokens: null,
    producesOutput: false,
    choices,
    input: textMeasure(textBytesOf(form, ['prompt'])),
    mostUnits: { [unit]: choices, output_image_tokens: choices * each, ...input },
    likelyUnits: {
      [unit]: choices,
      output_image_tokens: choices * imageTokens(form, likelyTokens(form)),
      ...input,
    },
    unpriced: unpricedIn(form),
    wantsUsageEvent: true,
    form,
    modelPart,
    unit,
  })
}

/** What the service takes where the caller leaves it open: DALL·E's own values, and `auto` of all that came after. */
const unitOf = (form: Form, model: string): string => {
  const isDallE = model.startsWith('dall-e')
  const size = variantIn(form, 'size', isDallE ? '1024x1024' : 'auto')
  return `image:${size}:${variantIn(form, 'quality', isDallE ? 'standard' : 'auto')}`
}

/** Of gpt-image-1, by its documents. */
const likelyTokens = (form: Form): number =>
  ({ low: 272, medium: 1_056 })[variantIn(form, 'quality', 'auto')] ?? 4_160

const imageTokens = (form: Form, perMegapixel: number): number => {
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(variantIn(form, 'size', 'auto')) ?? []
  const pixels = width === undefined ? pixelsElsewhere : Number(width) * Number(height)
  return Math.ceil(Math.max(pixels / 2 ** 20, 1) * perMegapixel)
}

const imagesIn = (form: Form): number => {
  if (form.isMultipart) return form.files.length
  const { image, images, mask } = form.fields
  const listedImages = [image, images].flatMap((value) =>
    Array.isArray(value) ? value : value == null ? [] : [value],
  )
  return listedImages.length + (mask == null ? 0 : 1)
}

/** Files of the account are other people's on a system key. */
const unpricedIn = (form: Form): string | null => {
  const unlisted = firstUnlisted(form, listed)
  if (unlisted !== null || form.isMultipart) return unlisted
  const references = [form.fields.images, form.fields.image, form.fields.mask].flat()
  return references.some((reference) => isObject(reference) && reference.file_id != null) ? 'images' : null
}

/** `input_tokens` has text and images in it, `output_tokens` images unless the details say otherwise. */
const tokensFrom = (usage: Record<string, unknown>): Usage | null => {
  const { input_tokens: input, output_tokens: output } = usage
  if (!isCount(input) || !isCount(output)) return null
  const inputDetails = usage.input_tokens_details as Record<string, unknown> | undefined | null
  const outputDetails = usage.output_tokens_details as Record<string, unknown> | undefined | null
  const inputImage = Math.min(countOf(inputDetails?.image_tokens), input)
  const text = Math.min(countOf(outputDetails?.text_tokens), output)
  return {
    ...noUsage,
    input: input - inputImage,
    output: text,
    units: counted({ input_image_tokens: inputImage, output_image_tokens: output - text }),
  }
}

const counted = (units: Units): Units =>
  Object.fromEntries(Object.entries(units).filter(([, quantity]) => quantity > 0))

const usageOfReply = (body: Buffer, request: ImageRequest): Usage | null => {
  try {
    const reply: unknown = JSON.parse(body.toString('utf8'))
    if (!isObject(reply)) return null
    const reported = isObject(reply.usage) ? tokensFrom(reply.usage) : null
    if (reported !== null) return reported
    // The request tells what each image costs, the reply how many there are.
    return Array.isArray(reply.data)
      ? { ...noUsage, units: counted({ [request.unit]: reply.data.length }) }
      : null
  } catch {
    return null
  }
}

const add = (a: Usage | null, b: Usage | null): Usage | null => {
  if (a === null || b === null) return a ?? b
  const units: Record<string, number> = { ...a.units }
  for (const [unit, quantity] of Object.entries(b.units ?? {})) units[unit] = (units[unit] ?? 0) + quantity
  return { ...noUsage, input: a.input + b.input, output: a.output + b.output, units }
}

export const imagesCodec: Codec = {
  parse,
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'json',
  makeTap: (request) =>
    makeMediaTap({
      done: ['image_generation.completed', 'image_edit.completed'],
      expected: request.choices,
      usageOf: (event) =>
        (isObject(event.usage) ? tokensFrom(event.usage) : null) ?? {
          ...noUsage,
          units: { [(request as ImageRequest).unit]: 1 },
        },
      add,
    }),
  usageOf: ({ body }, request) => usageOfReply(body, request as ImageRequest),
  errorEvent: (fault, operationId) => `event: error\ndata: ${errorShapes.openai(fault, operationId)}\n\n`,
}
