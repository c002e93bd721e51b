import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Fault, failure, fault, type Outcome, statusOf, success } from '../kit/fault.ts'
import type { LongOperation } from '../long-operations/long-operations.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { parseObject } from '../dialects/request.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Route } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import type { MidjourneyParts } from './midjourney.ts'
import { readWebhook, unitsOf } from './midjourney-request.ts'
import { makeMidjourneySubmit } from './midjourney-submit.ts'
import type { Operation } from './operation.ts'
import { receiptHeaders, sendBody, sendFault } from './reply.ts'
import type { Finish } from './settle.ts'

/** What `decide` gives for POST /v1/images/generations with a model of Midjourney's. */
export interface ImageDecision {
  readonly caller: Caller
  readonly request: ParsedRequest
  readonly priceBook: PriceBook
  readonly route: Route
}

/** Whether a decision is served here: a route to Midjourney has candidates of no other service. */
export const isMidjourneyImage = ({ request, route }: ImageDecision): boolean =>
  request.endpoint === 'image_generations' && route.candidates[0]?.service.id === 'midjourney'

/**
 * An image by Midjourney in one call of OpenAI's: submitted, waited for, answered with its address. Whoever hangs up, or
 * waits in vain, leaves a task that goes on and is settled when it ends; its operation can be followed like any other.
 */
export const makeMidjourneyImages = (parts: MidjourneyParts) => {
  const { limits, longOperations } = parts
  const submit = makeMidjourneySubmit(parts)

  const refuse = async (operation: Operation, response: ServerResponse, refused: Fault, finish: Finish) => {
    const ending = { status: 'refused', httpStatus: statusOf(refused), fault: refused } as const
    await finish({ ...ending, usage: null, usageSource: 'none' })
    sendFault(response, operation, refused)
  }

  return async (
    operation: Operation,
    decision: ImageDecision,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish,
  ): Promise<void> => {
    const image = readImageRequest(decision.request.body)
    if (!image.ok) return refuse(operation, response, image.fault, finish)
    const webhook = readWebhook(incoming.headers['x-aideon-webhook'], 'x-aideon-webhook')
    const checked =
      webhook.ok && webhook.value !== null ? longOperations.webhooks.check(webhook.value) : webhook
    if (!webhook.ok || !checked.ok)
      return refuse(
        operation,
        response,
        { ...(checked as { fault: Fault }).fault, field: 'x-aideon-webhook' },
        finish,
      )
    operation.notCarried = image.value.notCarried
    const until = performance.now() + limits.totalTimeoutMs
    const result = await submit(
      operation,
      {
        ...decision,
        path: '/mj/submit/imagine',
        body: JSON.stringify({ prompt: image.value.prompt }),
        action: 'imagine',
        units: unitsOf('imagine', image.value.prompt),
        unpriced: null,
        parent: null,
        webhookUrl: webhook.value,
        endpoint: 'image_generations',
        requestedModel: decision.request.model,
      },
      () => response.closed,
    )
    if (!result.ok) return refuse(operation, response, result.fault, finish)
    if (result.value.kind === 'failed') {
      const failed = result.value.fault
      const ending = { status: 'failed', httpStatus: statusOf(failed), fault: failed } as const
      await finish({ ...ending, usage: null, usageSource: 'none' })
      return sendFault(response, operation, failed)
    }
    const { begun } = result.value
    if (begun.kind === 'continues')
      await finish({ status: 'succeeded', httpStatus: 200, fault: null, usage: null, usageSource: 'none' })
    const ended = await longOperations.waitFor(begun.operation, {
      timeoutMs: Math.max(0, until - performance.now()),
      isUnwanted: () => response.closed,
    })
    if (!response.closed) sendImage(operation, ended, response)
  }
}

interface ImageRequest {
  readonly prompt: string
  readonly notCarried: readonly string[]
}

/** Of OpenAI's fields, those that mean something to Midjourney or may be left out without harm. */
const carried = new Set(['model', 'prompt', 'n', 'size', 'response_format'])

export const readImageRequest = (body: Buffer): Outcome<ImageRequest> => {
  const parsed = parseObject(body)
  if (!parsed.ok) return parsed
  const { prompt, n, size, response_format: format, stream } = parsed.value
  const wrong = (field: string, message: string) => failure('invalid_request', { message, field })
  if (typeof prompt !== 'string' || prompt.trim() === '') return wrong('prompt', 'prompt is missing.')
  if (n !== undefined && n !== null && n !== 1)
    return wrong('n', 'Midjourney makes one image, a grid of four, a call; n must be 1.')
  if (format !== undefined && format !== null && format !== 'url')
    return wrong('response_format', 'Midjourney answers with an address; response_format must be url.')
  if (stream === true) return wrong('stream', 'Midjourney’s images are not streamed.')
  const ratio = aspectOf(size)
  if (ratio === undefined) return wrong('size', 'size must be auto or <width>x<height>.')
  const notCarried = Object.keys(parsed.value).filter(
    (name) => !carried.has(name) && parsed.value[name] !== null && parsed.value[name] !== false,
  )
  const hasRatio = /\s--(?:ar|aspect)\s/.test(prompt)
  return success({ prompt: ratio === null || hasRatio ? prompt : `${prompt} --ar ${ratio}`, notCarried })
}

/** `1792x1024` → `7:4`; null: as the server likes. Undefined: no size. */
const aspectOf = (size: unknown): string | null | undefined => {
  if (size === undefined || size === null || size === 'auto') return null
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(typeof size === 'string' ? size : '') ?? []
  if (width === undefined || height === undefined) return undefined
  const divisor = greatestDivisor(Number(width), Number(height))
  return `${Number(width) / divisor}:${Number(height) / divisor}`
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))

const sendImage = (operation: Operation, ended: LongOperation, response: ServerResponse): void => {
  const url = ended.said?.['imageUrl']
  if (ended.state !== 'succeeded' || typeof url !== 'string')
    return sendFault(response, operation, whyNoImage(ended))
  operation.creditMicros = ended.chargeMicros
  const created = Math.floor((ended.endedAt ?? ended.submittedAt).getTime() / 1000)
  sendBody(
    response,
    200,
    ['content-type', 'application/json', ...receiptHeaders(operation, ended.chargeMicros)],
    JSON.stringify({ created, data: [{ url }] }),
  )
}

const whyNoImage = (ended: LongOperation): Fault => {
  if (ended.endedAt === null)
    return fault('service_timeout', {
      message: `Midjourney is still at work on task ${ended.publicId}.`,
      next: `Ask GET /mj/task/${encodeURIComponent(ended.publicId)}/fetch how it stands; do not send it again.`,
    })
  return fault('service_error', {
    message: `Midjourney did not make the image${ended.failure === null ? '.' : `: ${ended.failure}`}`,
    next: 'Nothing was charged. Change the prompt, or try again.',
  })
}
