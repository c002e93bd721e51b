import { isObject } from '../dialects/request.ts'
import type { About, Encoder, StreamEncoder } from './encoder.ts'
import { malformedReply } from './failure.ts'
import type { Finish, Reply, WholeBlock } from './pieces.ts'
import { googleSignature, sealThought } from './thoughts.ts'
import { geminiUsage } from './usage.ts'

const finishReasons: Readonly<Record<Finish['reason'], string>> = {
  stop: 'STOP',
  'tool-calls': 'STOP',
  length: 'MAX_TOKENS',
  'content-filter': 'SAFETY',
}

const argumentsOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const args = JSON.parse(text) as unknown
    if (isObject(args)) return args
  } catch {
    // Told below.
  }
  throw malformedReply('The arguments of a function call are no JSON object.')
}

const signed = ({ metadata }: Pick<WholeBlock, 'metadata'>) => {
  if (metadata === undefined) return {}
  return { thoughtSignature: googleSignature(metadata) ?? sealThought(metadata) }
}

const partOf = (whole: WholeBlock, about: About): object[] => {
  const { block, text } = whole
  switch (block.type) {
    case 'text':
      return [{ text }]
    case 'thought':
      return about.wishes.showsThoughts ? [{ text, thought: true, ...signed(whole) }] : []
    case 'call':
      return [{ functionCall: { id: block.id, name: block.name, args: argumentsOf(text) }, ...signed(whole) }]
  }
}

const response = (about: About, parts: readonly object[], finish: Finish | null) => ({
  candidates: [
    {
      content: { parts, role: 'model' },
      ...(finish === null ? {} : { finishReason: finishReasons[finish.reason] }),
      index: 0,
    },
  ],
  ...(finish?.usage == null ? {} : { usageMetadata: geminiUsage(finish.usage) }),
  modelVersion: about.model,
  responseId: about.id,
})

const whole = ({ blocks, finish }: Reply, about: About) =>
  response(
    about,
    blocks.flatMap((block) => partOf(block, about)),
    finish,
  )

const makeStream = (about: About): StreamEncoder => {
  const event = (parts: readonly object[], finish: Finish | null = null) =>
    `data: ${JSON.stringify(response(about, parts, finish))}\r\n\r\n`
  return {
    begin: () => '',
    piece(piece) {
      const { block } = piece
      // A call goes out whole, as the dialect has it.
      if (piece.kind === 'end') {
        const ends = block.type === 'call' || (block.type === 'thought' && piece.metadata !== undefined)
        const text = block.type === 'call' ? piece.text : ''
        const parts = ends ? partOf({ block, text, metadata: piece.metadata }, about) : []
        return parts.length === 0 ? '' : event(parts)
      }
      if (piece.kind === 'start' || block.type === 'call') return ''
      const parts = partOf({ block, text: piece.text, metadata: undefined }, about)
      return parts.length === 0 ? '' : event(parts)
    },
    end: (finish) => event([{ text: '' }], finish),
  }
}

export const toGemini: Encoder = { whole, makeStream }
