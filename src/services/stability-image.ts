import { APICallError, type ImageModelV4 } from '@ai-sdk/provider'
import type { ModelParts } from './service.ts'

/** `core` and `ultra` (`stable-image-core` at resellers) have paths of their own; the others are models of sd3. */
const pathOf = (model: string): string =>
  `/v2beta/stable-image/generate/${/^(?:stable-image-)?(ultra|core)$/.exec(model)?.[1] ?? 'sd3'}`

/** https://platform.stability.ai/docs/api-reference#tag/Generate; there is no package for it. */
export const stabilityImage = ({ model, baseUrl, fetch }: ModelParts): ImageModelV4 => ({
  specificationVersion: 'v4',
  provider: 'stability.image',
  modelId: model,
  maxImagesPerCall: 1,
  doGenerate: async ({ prompt, aspectRatio, seed, size, files, abortSignal, headers }) => {
    const path = pathOf(model)
    const form = new FormData()
    form.set('prompt', prompt ?? '')
    form.set('output_format', 'png')
    if (path.endsWith('/sd3')) form.set('model', model)
    if (aspectRatio) form.set('aspect_ratio', aspectRatio)
    if (seed !== undefined) form.set('seed', String(seed))
    const url = baseUrl + path
    const sent = { accept: 'application/json', ...definedOnly(headers) }
    const reply = await fetch(url, { method: 'POST', headers: sent, body: form, signal: abortSignal ?? null })
    const body = await reply.text()
    const image = reply.ok ? imageIn(body) : null
    if (image === null)
      throw new APICallError({
        message: 'Stability AI made no image.',
        url,
        requestBodyValues: {},
        statusCode: reply.status,
        responseHeaders: Object.fromEntries(reply.headers),
        responseBody: body,
      })
    return {
      images: [image],
      warnings: [
        ...(size ? [{ type: 'unsupported' as const, feature: 'size' }] : []),
        ...(files?.length ? [{ type: 'unsupported' as const, feature: 'files' }] : []),
      ],
      response: { timestamp: new Date(), modelId: model, headers: Object.fromEntries(reply.headers) },
    }
  },
})

const definedOnly = (headers: Readonly<Record<string, string | undefined>> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )

/** Base64. */
const imageIn = (body: string): string | null => {
  try {
    const { image } = JSON.parse(body) as { image?: unknown }
    return typeof image === 'string' ? image : null
  } catch {
    return null
  }
}
