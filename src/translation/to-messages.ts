import { isObject } from '../dialects/request.ts'
import { malformedReply } from './failure.ts'
import type { About, Encoder, StreamEncoder } from './encoder.ts'
import type { Block, Finish, Piece, Reply, WholeBlock } from './pieces.ts'
import { noUsage } from '../metering/usage.ts'
import { sealThought } from './thoughts.ts'
import { messagesUsage } from './usage.ts'

const stopReason = ({ reason, stopSequence }: Finish): string => {
  if (reason === 'stop') return stopSequence === null ? 'end_turn' : 'stop_sequence'
  return { length: 'max_tokens', 'content-filter': 'refusal', 'tool-calls': 'tool_use' }[reason]
}

const message = (about: About, content: readonly object[], finish: Finish | null) => ({
  id: `msg_${about.id}`,
  type: 'message',
  role: 'assistant',
  model: about.model,
  content,
  stop_reason: finish === null ? null : stopReason(finish),
  stop_sequence: finish?.stopSequence ?? null,
})

/** As Anthropic does it: who did not ask for reasoning is not sent any. */
const isShown = (block: Block, { wishes }: About) => block.type !== 'thought' || wishes.showsThoughts

const inputOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const input = JSON.parse(text) as unknown
    if (isObject(input)) return input
  } catch {
    // Told below.
  }
  throw malformedReply('The arguments of a tool call are no JSON object.')
}

const contentBlock = ({ block, text, metadata }: WholeBlock) => {
  switch (block.type) {
    case 'text':
      return { type: 'text', text, citations: null }
    case 'thought':
      return { type: 'thinking', thinking: text, signature: sealThought(metadata) }
    case 'call':
      return { type: 'tool_use', id: block.id, name: block.name, input: inputOf(text) }
  }
}

const bytesPerToken = 4

/** The dialect has no reply without a report, so one is made where the service made none; `usageUnknown` tells. */
const usageOf = ({ usage }: Finish, about: About, characters: number) =>
  messagesUsage(
    usage ?? {
      ...noUsage,
      input: about.estimatedInputTokens,
      output: Math.ceil(characters / bytesPerToken),
    },
  )

const whole = ({ blocks, finish }: Reply, about: About) => ({
  ...message(about, blocks.filter(({ block }) => isShown(block, about)).map(contentBlock), finish),
  usage: usageOf(
    finish,
    about,
    blocks.reduce((sum, { text }) => sum + text.length, 0),
  ),
})

const emptyBlock = (block: Block) => {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thought':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'call':
      return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  }
}

const deltaOf = (block: Block, text: string) => {
  switch (block.type) {
    case 'text':
      return { type: 'text_delta', text }
    case 'thought':
      return { type: 'thinking_delta', thinking: text }
    case 'call':
      return { type: 'input_json_delta', partial_json: text }
  }
}

const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

const makeStream = (about: About): StreamEncoder => {
  let index = -1
  let characters = 0
  const delta = (content: object) => event('content_block_delta', { index, delta: content })
  const encode = (piece: Piece): string => {
    switch (piece.kind) {
      case 'start':
        index++
        return event('content_block_start', { index, content_block: emptyBlock(piece.block) })
      case 'delta':
        return delta(deltaOf(piece.block, piece.text))
      case 'end': {
        const signature =
          piece.block.type === 'thought'
            ? delta({ type: 'signature_delta', signature: sealThought(piece.metadata) })
            : ''
        return signature + event('content_block_stop', { index })
      }
    }
  }
  return {
    /**
     * The dialect names the prompt's tokens before the service has counted them. The estimate is what a reply that is cut
     * off is charged by; the last event corrects it.
     */
    begin: () =>
      event('message_start', {
        message: {
          ...message(about, [], null),
          usage: {
            input_tokens: about.estimatedInputTokens,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 0,
          },
        },
      }),
    piece(piece) {
      if (piece.kind === 'delta') characters += piece.text.length
      return isShown(piece.block, about) ? encode(piece) : ''
    },
    end: (finish) =>
      event('message_delta', {
        delta: { stop_reason: stopReason(finish), stop_sequence: finish.stopSequence },
        usage: usageOf(finish, about, characters),
      }) + event('message_stop', {}),
  }
}

export const toMessages: Encoder = { whole, makeStream }
