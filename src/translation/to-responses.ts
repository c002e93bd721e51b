import type { SharedV4ProviderMetadata } from '@ai-sdk/provider'
import type { About, Encoder, StreamEncoder } from './encoder.ts'
import type { Block, Finish, Piece, Reply, WholeBlock } from './pieces.ts'
import { sealThought } from './thoughts.ts'
import { responsesUsage } from './usage.ts'

type Item = Readonly<Record<string, unknown>>

const statusOf = (finish: Finish | null) => {
  if (finish === null) return { status: 'in_progress', incomplete_details: null }
  if (finish.reason === 'length')
    return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
  if (finish.reason === 'content-filter')
    return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } }
  return { status: 'completed', incomplete_details: null }
}

/** The dialect repeats the request. */
const response = (about: About, output: readonly Item[], finish: Finish | null) => {
  const { request } = about
  return {
    id: `resp_${about.id}`,
    object: 'response',
    created_at: about.createdSeconds,
    ...statusOf(finish),
    background: false,
    error: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    model: about.model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: request.reasoning ?? { effort: null, summary: null },
    service_tier: 'default',
    store: false,
    temperature: request.temperature ?? 1,
    text: request.text ?? { format: { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_p: request.top_p ?? 1,
    truncation: 'disabled',
    usage: finish?.usage == null ? null : responsesUsage(finish.usage),
    user: request.user ?? null,
    metadata: request.metadata ?? {},
  }
}

const outputText = (text: string) => ({ type: 'output_text', annotations: [], logprobs: [], text })
const summaryText = (text: string) => ({ type: 'summary_text', text })

const idOf = (block: Block, about: About, index: number): string => {
  const prefix = { text: 'msg', thought: 'rs', call: 'fc' }[block.type]
  return `${prefix}_${about.id}${index.toString(16).padStart(4, '0')}`
}

const itemOf = (
  block: Block,
  id: string,
  about: About,
  said: { text: string; metadata: SharedV4ProviderMetadata | undefined } | null,
): Item => {
  const status = said === null ? 'in_progress' : 'completed'
  switch (block.type) {
    case 'text':
      return {
        id,
        type: 'message',
        status,
        role: 'assistant',
        content: said === null ? [] : [outputText(said.text)],
      }
    case 'call':
      return {
        id,
        type: 'function_call',
        status,
        arguments: said?.text ?? '',
        call_id: block.id,
        name: block.name,
      }
    case 'thought': {
      const shown = said !== null && said.text !== '' && about.wishes.showsThoughts
      return {
        id,
        type: 'reasoning',
        summary: shown ? [summaryText(said.text)] : [],
        ...(about.wishes.keepsThoughts && said !== null
          ? { encrypted_content: sealThought(said.metadata) }
          : {}),
      }
    }
  }
}

const wholeItem = ({ block, text, metadata }: WholeBlock, index: number, about: About) =>
  itemOf(block, idOf(block, about, index), about, { text, metadata })

const whole = ({ blocks, finish }: Reply, about: About) =>
  response(
    about,
    blocks.map((block, index) => wholeItem(block, index, about)),
    finish,
  )

const makeStream = (about: About): StreamEncoder => {
  const output: Item[] = []
  let sequence = 0
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`
  const place = (block: Block) => ({
    item_id: idOf(block, about, output.length),
    output_index: output.length,
  })
  const hasPart = (block: Block) =>
    block.type === 'text' || (block.type === 'thought' && about.wishes.showsThoughts)

  const start = (block: Block): string => {
    const item = itemOf(block, idOf(block, about, output.length), about, null)
    const added = event('response.output_item.added', { output_index: output.length, item })
    if (!hasPart(block)) return added
    if (block.type === 'thought')
      return (
        added +
        event('response.reasoning_summary_part.added', {
          ...place(block),
          summary_index: 0,
          part: summaryText(''),
        })
      )
    return (
      added +
      event('response.content_part.added', { ...place(block), content_index: 0, part: outputText('') })
    )
  }
  const delta = (block: Block, text: string): string => {
    if (block.type === 'call')
      return event('response.function_call_arguments.delta', { ...place(block), delta: text })
    if (!hasPart(block)) return ''
    return block.type === 'thought'
      ? event('response.reasoning_summary_text.delta', { ...place(block), summary_index: 0, delta: text })
      : event('response.output_text.delta', { ...place(block), content_index: 0, delta: text, logprobs: [] })
  }
  const partDone = (block: Block, text: string): string => {
    if (block.type === 'call')
      return event('response.function_call_arguments.done', {
        ...place(block),
        name: block.name,
        arguments: text,
      })
    if (!hasPart(block)) return ''
    if (block.type === 'thought') {
      const at = { ...place(block), summary_index: 0 }
      return (
        event('response.reasoning_summary_text.done', { ...at, text }) +
        event('response.reasoning_summary_part.done', { ...at, part: summaryText(text) })
      )
    }
    const at = { ...place(block), content_index: 0 }
    return (
      event('response.output_text.done', { ...at, text, logprobs: [] }) +
      event('response.content_part.done', { ...at, part: outputText(text) })
    )
  }
  const done = ({ block, text, metadata }: Piece & { kind: 'end' }): string => {
    const parts = partDone(block, text)
    const item = itemOf(block, idOf(block, about, output.length), about, { text, metadata })
    const finished = event('response.output_item.done', { output_index: output.length, item })
    output.push(item)
    return parts + finished
  }
  return {
    begin: () =>
      event('response.created', { response: response(about, [], null) }) +
      event('response.in_progress', { response: response(about, [], null) }),
    piece(piece) {
      if (piece.kind === 'start') return start(piece.block)
      return piece.kind === 'delta' ? delta(piece.block, piece.text) : done(piece)
    },
    end(finish) {
      const last = response(about, output, finish)
      return event(last.status === 'incomplete' ? 'response.incomplete' : 'response.completed', {
        response: last,
      })
    },
  }
}

export const toResponses: Encoder = { whole, makeStream }
