import type { SharedV4ProviderMetadata } from '@ai-sdk/provider'
import type { About, Encoder, StreamEncoder } from './encoder.ts'
import type { Finish, Piece, Reply, WholeBlock } from './pieces.ts'
import { googleSignature } from './thoughts.ts'
import { chatUsage } from './usage.ts'

const finishReasons: Readonly<Record<Finish['reason'], string>> = {
  stop: 'stop',
  length: 'length',
  'content-filter': 'content_filter',
  'tool-calls': 'tool_calls',
}

/** https://ai.google.dev/gemini-api/docs/openai says where this dialect keeps it. */
const signatureOf = (metadata: SharedV4ProviderMetadata | undefined) => {
  const signature = googleSignature(metadata)
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } }
}

const textOf = (blocks: readonly WholeBlock[], type: 'text' | 'thought'): string | null => {
  const texts = blocks.filter(({ block }) => block.type === type).map(({ text }) => text)
  return texts.length === 0 ? null : texts.join('')
}

const toolCalls = (blocks: readonly WholeBlock[]) =>
  blocks.flatMap(({ block, text, metadata }) =>
    block.type === 'call'
      ? [
          {
            id: block.id,
            type: 'function',
            function: { name: block.name, arguments: text },
            ...signatureOf(metadata),
          },
        ]
      : [],
  )

const whole = ({ blocks, finish }: Reply, about: About) => {
  const calls = toolCalls(blocks)
  const thoughts = textOf(blocks, 'thought')
  const text = textOf(blocks, 'text')
  const message = {
    role: 'assistant',
    content: text ?? (calls.length === 0 ? '' : null),
    refusal: null,
    annotations: [],
    // Not OpenAI's own: the extension that DeepSeek, Moonshot, vLLM and others document for this dialect.
    ...(thoughts === null || thoughts === '' ? {} : { reasoning_content: thoughts }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  return {
    id: `chatcmpl-${about.id}`,
    object: 'chat.completion',
    created: about.createdSeconds,
    model: about.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReasons[finish.reason] }],
    ...(finish.usage === null ? {} : { usage: chatUsage(finish.usage) }),
  }
}

const makeStream = (about: About): StreamEncoder => {
  let calls = 0

  const event = (choices: readonly object[], usage: object | null) =>
    `data: ${JSON.stringify({
      id: `chatcmpl-${about.id}`,
      object: 'chat.completion.chunk',
      created: about.createdSeconds,
      model: about.model,
      choices,
      ...(usage === null && !about.wantsUsageEvent ? {} : { usage }),
    })}\n\n`
  const delta = (content: object, finishReason: string | null = null) =>
    event([{ index: 0, delta: content, logprobs: null, finish_reason: finishReason }], null)
  const start = ({ block, metadata }: Piece & { kind: 'start' }) => {
    if (block.type !== 'call') return ''
    const call = { index: calls++, id: block.id, type: 'function' }
    return delta({
      tool_calls: [{ ...call, function: { name: block.name, arguments: '' }, ...signatureOf(metadata) }],
    })
  }
  const write = ({ block, text }: Piece & { kind: 'delta' }) => {
    switch (block.type) {
      case 'text':
        return delta({ content: text })
      case 'thought':
        return delta({ reasoning_content: text })
      case 'call':
        return delta({ tool_calls: [{ index: calls - 1, function: { arguments: text } }] })
    }
  }
  return {
    begin: () => delta({ role: 'assistant', content: '', refusal: null }),
    piece(piece) {
      if (piece.kind === 'start') return start(piece)
      return piece.kind === 'delta' ? write(piece) : ''
    },
    // The usage goes out whoever asked for it: the gateway reads it, and keeps it from callers who did not.
    end: ({ reason, usage }) =>
      delta({}, finishReasons[reason]) +
      (usage === null ? '' : event([], chatUsage(usage))) +
      'data: [DONE]\n\n',
  }
}

export const toChatCompletions: Encoder = { whole, makeStream }
