import type { ImageModelV4, ImageModelV4CallOptions, ImageModelV4File } from '@ai-sdk/provider'
import { countIn, type Form } from '../dialects/form.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { isCount } from '../dialects/reported.ts'
import { type Fields, onlyAs, refused } from './fields.ts'
import { fileFromUrl } from './media.ts'
import { formOf, json, modelParts } from './media-call.ts'
import { malformed, type Notes, refuse } from './notes.ts'
import { readItems, readOptionalText, readText } from './read.ts'
import type { TranslationRequest, Translated } from './translation.ts'
import { noteWarnings } from './warnings.ts'

/** https://platform.openai.com/docs/api-reference/images */
const imageFields: Fields = {
  model: 'carried',
  prompt: 'carried',
  n: 'carried',
  size: 'carried',
  image: 'carried',
  images: 'carried',
  mask: 'carried',
  response_format: onlyAs(['b64_json', 'url'], refused('Only b64_json and url are known.')),
  stream: onlyAs([false, 'false'], refused('Images come whole from this service.')),
  partial_images: onlyAs([0, '0'], refused('Images come whole from this service.')),
  background: onlyAs(['auto', 'opaque'], refused('This service draws no transparent background.')),
  output_format: onlyAs(['png'], 'listed'),
  quality: onlyAs(['auto'], 'listed'),
  style: 'listed',
  moderation: 'listed',
  output_compression: 'listed',
  input_fidelity: 'listed',
  user: 'listed',
  safety_identifier: 'listed',
}

/** As many as the dialect allows in one request. */
const mostImages = 10

export const translateImages = async (request: TranslationRequest, notes: Notes): Promise<Translated> => {
  const form = formOf(request, imageFields, notes)
  const prompt = readText(form.fields.prompt, 'prompt')
  const count = countIn(form, 'n', mostImages)
  if (!count.ok) throw new FaultError(count.fault)
  const model = await request.service.translation?.image?.(modelParts(request))
  if (model === undefined) throw new Error('canTranslate says no')
  const isEdit = request.endpoint === 'image_edits'
  if (isEdit && (await model.supportsFileInputs) === false)
    refuse('image', 'This model draws only from words.')
  const mask = isEdit ? maskOf(form, request.body) : undefined
  if (mask !== undefined && (await model.supportsMaskInputs) === false)
    refuse('mask', 'This model takes no masks.')
  const options = {
    prompt,
    seed: undefined,
    files: isEdit ? filesOf(form, request.body) : undefined,
    mask,
    providerOptions: {},
    abortSignal: request.signal,
    ...shapeOf(form.fields.size, model, notes),
  }
  const drawn = await draw(model, options, Math.max(count.value ?? 1, 1), notes)
  if (isEdit && notes.listed.has('image')) refuse('image', 'This model draws only from words.')
  if (drawn.images.length === 0)
    throw new FaultError(fault('service_refused', { message: 'The service drew no image for this prompt.' }))
  const asUrl = form.fields.response_format === 'url'
  return json({
    created: Math.floor(Date.now() / 1000),
    data: drawn.images.map((image) =>
      asUrl ? { url: `data:${typeOf(image)};base64,${image}` } : { b64_json: image },
    ),
    ...(drawn.usage === null ? {} : { usage: drawn.usage }),
  })
}

const draw = async (
  model: ImageModelV4,
  options: Omit<ImageModelV4CallOptions, 'n'>,
  count: number,
  notes: Notes,
) => {
  const { maxImagesPerCall: most } = model
  const perCall = (typeof most === 'function' ? await most({ modelId: model.modelId }) : most) ?? 1
  const images: string[] = []
  const tokens = { input: 0, output: 0 }
  let isReported = true
  while (images.length < count) {
    const result = await model.doGenerate({ ...options, n: Math.min(perCall, count - images.length) })
    noteWarnings(result.warnings, warningNames, notes)
    if (result.images.length === 0) break
    for (const image of result.images)
      images.push(typeof image === 'string' ? image : Buffer.from(image).toString('base64'))
    const { inputTokens, outputTokens } = result.usage ?? {}
    if (isCount(inputTokens) && isCount(outputTokens)) {
      tokens.input += inputTokens
      tokens.output += outputTokens
    } else isReported = false
  }
  return { images: images.slice(0, count), usage: isReported && tokens.output > 0 ? usageOf(tokens) : null }
}

const warningNames = { files: 'image', mask: 'mask', size: 'size', aspectRatio: 'size', n: 'n' }

const usageOf = ({ input, output }: { input: number; output: number }) => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: input + output,
  input_tokens_details: { text_tokens: input, image_tokens: 0 },
})

/** Services that know shapes and no sizes. */
const byShape = /^(?:google|luma)/
const shapes = ['1:1', '3:4', '4:3', '9:16', '16:9'] as const

const shapeOf = (
  size: unknown,
  model: ImageModelV4,
  notes: Notes,
): Pick<ImageModelV4CallOptions, 'size' | 'aspectRatio'> => {
  const text = readOptionalText(size, 'size')
  if (text === undefined || text === 'auto') return { size: undefined, aspectRatio: undefined }
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(text) ?? []
  if (width === undefined || height === undefined) return malformed('size', 'such as 1024x1024, or auto')
  if (!byShape.test(model.provider))
    return { size: `${Number(width)}x${Number(height)}`, aspectRatio: undefined }
  const ratio = Number(width) / Number(height)
  const distance = (shape: string) => {
    const [w, h] = shape.split(':').map(Number) as [number, number]
    return Math.abs(Math.log(ratio) - Math.log(w / h))
  }
  notes.list('size')
  return { size: undefined, aspectRatio: shapes.toSorted((a, b) => distance(a) - distance(b))[0] }
}

const typeOf = (image: string): string => {
  if (image.startsWith('/9j/')) return 'image/jpeg'
  return image.startsWith('UklGR') ? 'image/webp' : 'image/png'
}

const filesOf = (form: Form, body: Buffer): ImageModelV4File[] => {
  const uploaded = form.files.filter(({ name }) => /^image(?:\[\])?$/.test(name))
  const given = readItems(form.isMultipart ? undefined : form.fields.images, 'images').map(([image, field]) =>
    fileOf(fileFromUrl(readText(image.image_url, `${field}.image_url`), 'image/png', field), field),
  )
  const files = [...uploaded.map(({ start, end }) => bytesOf(body.subarray(start, end))), ...given]
  return files.length === 0 ? malformed('image', 'an image file') : files
}

const fileOf = ({ data, mediaType }: ReturnType<typeof fileFromUrl>, field: string): ImageModelV4File =>
  data.type === 'data'
    ? { type: 'file', mediaType, data: data.data }
    : refuse(field, `${field} must be a data URL; addresses are not opened here.`)

const maskOf = (form: Form, body: Buffer): ImageModelV4File | undefined => {
  const mask = form.files.find(({ name }) => name === 'mask')
  return mask === undefined ? undefined : bytesOf(body.subarray(mask.start, mask.end))
}

const bytesOf = (bytes: Buffer): ImageModelV4File => ({
  type: 'file',
  mediaType: typeOf(bytes.toString('base64', 0, 12)),
  data: new Uint8Array(bytes),
})
