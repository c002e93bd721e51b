import { readDirectives } from './directives.ts'
import { type Exchange, type Refusal, sendReply, shown } from './exchange.ts'
import { type Form, type OpenAiHost, refuse } from './openai-host.ts'
import {
  boolean,
  type Check,
  checkParameters,
  integer,
  missing,
  nullable,
  oneOf,
  text,
} from './openai-params.ts'
import { tokensOf } from './text.ts'

const sizes = ['auto', '1024x1024', '1536x1024', '1024x1536', '256x256', '512x512', '1792x1024', '1024x1792']

const parameters: Readonly<Record<string, Check>> = {
  prompt: text,
  model: nullable(text),
  background: nullable(oneOf('transparent', 'opaque', 'auto')),
  moderation: nullable(oneOf('low', 'auto')),
  n: nullable(integer(1, 10)),
  output_compression: nullable(integer(0, 100)),
  output_format: nullable(oneOf('png', 'webp', 'jpeg')),
  partial_images: nullable(integer(0, 3)),
  quality: nullable(oneOf('low', 'medium', 'high', 'auto', 'standard', 'hd')),
  response_format: nullable(oneOf('url', 'b64_json')),
  safety_identifier: nullable(text),
  size: nullable(oneOf(...sizes)),
  stream: nullable(boolean),
  style: nullable(oneOf('vivid', 'natural')),
  user: text,
}
const editParameters: Readonly<Record<string, Check>> = {
  ...parameters,
  input_fidelity: nullable(oneOf('high', 'low')),
}

/** One pixel: what a picture is made of here. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Output tokens of GPT Image by quality and shape. https://platform.openai.com/docs/guides/image-generation#cost-and-latency */
const imageTokens: Readonly<Record<string, readonly [square: number, oblong: number]>> = {
  low: [272, 408],
  medium: [1056, 1584],
  high: [4160, 6240],
}

export const generateImages = (
  exchange: Exchange,
  body: Record<string, unknown>,
  host: OpenAiHost,
): void | Promise<void> => {
  const refusal = checkBody(body, parameters, host)
  if (refusal) return refuse(exchange, host, refusal)
  return sendImages(exchange, body, host, 0)
}

export const editImages = (exchange: Exchange, form: Form, host: OpenAiHost): void | Promise<void> => {
  const { fields, files } = form
  const images = files.filter((file) => file.field === 'image')
  const stray = files.find((file) => file.field !== 'image' && file.field !== 'mask')
  const refusal: Refusal | null = stray
    ? {
        status: 400,
        message: `Unknown parameter: '${stray.field}'.`,
        param: stray.field,
        code: 'unknown_parameter',
      }
    : images.length === 0
      ? missing('image')
      : checkBody(fields, editParameters, host)
  if (refusal) return refuse(exchange, host, refusal)
  return sendImages(exchange, fields, host, images.length)
}

const checkBody = (
  body: Record<string, unknown>,
  allowed: Readonly<Record<string, Check>>,
  host: OpenAiHost,
): Refusal | null => {
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(allowed, name))
  if (unknown && !host.rules.lenient)
    return {
      status: 400,
      message: `Unknown parameter: '${unknown}'.`,
      param: unknown,
      code: 'unknown_parameter',
    }
  if (body['prompt'] === undefined) return missing('prompt')
  const refusal = checkParameters(body, allowed, true)
  if (refusal) return refusal
  const model = modelOf(body, host)
  if (!host.mediaModels.image?.includes(model))
    return {
      status: 400,
      message: `The model '${model}' does not exist.`,
      param: 'model',
      code: 'invalid_value',
    }
  if (!model.startsWith('gpt-image')) return null
  if (body['response_format'] !== undefined)
    return {
      status: 400,
      message: "Unknown parameter: 'response_format'.",
      param: 'response_format',
      code: 'unknown_parameter',
    }
  const fits = ['auto', '1024x1024', '1536x1024', '1024x1536']
  return body['size'] === undefined || fits.includes(shown(body['size']))
    ? null
    : {
        status: 400,
        message: `Invalid value: '${shown(body['size'])}'. Supported values are: ${fits.map((s) => `'${s}'`).join(', ')}.`,
        param: 'size',
        code: 'invalid_value',
      }
}

const modelOf = (body: Record<string, unknown>, host: OpenAiHost): string =>
  typeof body['model'] === 'string' ? body['model'] : (host.mediaModels.image?.at(-1) ?? '')

const sendImages = (
  exchange: Exchange,
  body: Record<string, unknown>,
  host: OpenAiHost,
  inputImages: number,
): void | Promise<void> => {
  const directives = readDirectives(shown(body['prompt']))
  if ('unknown' in directives)
    return refuse(exchange, host, {
      status: 400,
      message: `The simulator does not know the directive “${directives.unknown}”.`,
    })
  if (directives.refusal)
    return refuse(exchange, host, {
      status: 400,
      message: 'Your request was rejected by the safety system.',
      type: 'image_generation_user_error',
      code: 'moderation_blocked',
    })
  const picture = pictureOf(exchange, body, modelOf(body, host), inputImages)
  const headers = host.headers(exchange)
  return sendReply(exchange, {
    directives,
    streamed: body['stream'] === true,
    fail: (status, retryAfterSeconds) => refuse(exchange, host, host.errorOf(status, retryAfterSeconds)),
    whole: () => ({
      body: directives.noUsage ? { ...picture.reply, usage: undefined } : picture.reply,
      headers,
    }),
    stream: () => {
      const kind = inputImages > 0 ? 'image_edit' : 'image_generation'
      const event = (type: string, fields: object) =>
        `event: ${kind}.${type}\ndata: ${JSON.stringify({ type: `${kind}.${type}`, b64_json: pixel, created_at: picture.reply.created, ...picture.look, ...fields })}\n\n`
      const partials = Array.from({ length: Number(body['partial_images'] ?? 0) }, (_, i) =>
        event('partial_image', { partial_image_index: i }),
      )
      return {
        headers,
        opening: [],
        chunks: [...partials, event('completed', directives.noUsage ? {} : { usage: picture.usage })],
        more: (index) => event('partial_image', { partial_image_index: index }),
        closing: [],
        error: `event: error\ndata: ${JSON.stringify({ type: 'error', ...(host.errorBody(host.errorOf(500)) as object) })}\n\n`,
      }
    },
  })
}

const pictureOf = (exchange: Exchange, body: Record<string, unknown>, model: string, inputImages: number) => {
  const count = Number(body['n'] ?? 1)
  const size = body['size'] === undefined || body['size'] === 'auto' ? '1024x1024' : shown(body['size'])
  const created = Math.floor(exchange.state.now() / 1000)
  if (!model.startsWith('gpt-image')) {
    const image =
      body['response_format'] === 'b64_json'
        ? { b64_json: pixel }
        : { url: 'https://images.example.com/demo-not-a-real-image.png' }
    const data = Array.from({ length: count }, () => ({ ...image, revised_prompt: shown(body['prompt']) }))
    return { reply: { created, data }, usage: undefined, look: {} }
  }
  const quality = ['low', 'medium', 'high'].includes(shown(body['quality']))
    ? shown(body['quality'])
    : 'medium'
  const [square, oblong] = imageTokens[quality] ?? [1056, 1584]
  const textTokens = tokensOf(shown(body['prompt'])).length
  const output = count * (size === '1024x1024' ? square : oblong)
  const usage = {
    input_tokens: textTokens + inputImages * 323,
    input_tokens_details: { text_tokens: textTokens, image_tokens: inputImages * 323 },
    output_tokens: output,
    output_tokens_details: { image_tokens: output, text_tokens: 0 },
    total_tokens: textTokens + inputImages * 323 + output,
  }
  const look = { background: 'opaque', output_format: shown(body['output_format'] ?? 'png'), quality, size }
  const data = Array.from({ length: count }, () => ({ b64_json: pixel }))
  return { reply: { created, ...look, data, usage }, usage, look }
}
