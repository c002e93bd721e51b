import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Endpoint } from '../services/endpoint.ts'
import { codecOf } from './codecs.ts'
import { makeEventSplitter } from './sse.ts'

const parsed = (endpoint: Endpoint, body: unknown) => {
  const request = codecOf(endpoint).parse({
    endpoint,
    body: Buffer.from(JSON.stringify(body)),
    contentType: 'application/json',
    pathModel: null,
  })
  if (!request.ok) throw new Error(request.fault.message)
  return request.value
}
const event = (name: string | null, value: unknown) =>
  `${name === null ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`
const tokens = { input_tokens: 20, output_tokens: 11, input_tokens_details: { image_tokens: 5 } }

const streams = [
  {
    request: parsed('image_generations', { model: 'gpt-image-1', prompt: 'x', n: 2, stream: true }),
    bytes: [
      event('image_generation.partial_image', {
        type: 'image_generation.partial_image',
        b64_json: 'A'.repeat(9_000),
      }),
      event(null, { b64_json: 'B'.repeat(9_000), usage: tokens, type: 'image_generation.completed' }),
      event(null, { type: 'image_generation.completed', usage: tokens, b64_json: 'B'.repeat(9_000) }),
    ].join(''),
    usage: { input: 30, units: { input_image_tokens: 10, output_image_tokens: 22 } },
  },
  {
    request: parsed('speech', { model: 'gpt-4o-mini-tts', input: 'x', voice: 'a', stream_format: 'sse' }),
    bytes: [
      event(null, { type: 'speech.audio.delta', audio: 'QUJD' }),
      event(null, { type: 'speech.audio.done', usage: tokens }),
    ].join(''),
    usage: { input: 20, units: { output_audio_tokens: 11 } },
  },
] as const

test('however a stream is cut into chunks, it ends once and its usage is the same', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...streams),
      fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 40 }),
      (s, cuts) => {
        const tap = codecOf(s.request.endpoint).makeTap(s.request)
        const splitter = makeEventSplitter(1_000_000)
        const bytes = Buffer.from(s.bytes)
        const kinds: string[] = []
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          const events = splitter.push(bytes.subarray(at, at + cut))
          kinds.push(...tap.classify(events.text, events.ends))
          at += cut
        }
        expect(kinds.filter((kind) => kind === 'end')).toHaveLength(1)
        expect(kinds.at(-1)).toBe('end')
        expect(tap.reported()).toMatchObject(s.usage)
      },
    ),
    { numRuns: 100 },
  )
})

test('no bytes crash a tap', () => {
  const shred = fc.constantFrom(
    'data: ',
    '\n\n',
    '"type":"',
    'transcript.text.done',
    '{',
    '}',
    '"error":',
    '[DONE]',
    '"usage":{',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(shred, fc.string({ maxLength: 6 })), { maxLength: 40 }), (pieces) => {
      for (const { request } of streams) {
        const tap = codecOf(request.endpoint).makeTap(request)
        const { text, ends } = makeEventSplitter(1_000_000).push(Buffer.from(`${pieces.join('')}\n\n`))
        expect(tap.classify(text, ends)).toHaveLength(ends.length)
      }
    }),
    { numRuns: 300 },
  )
})
