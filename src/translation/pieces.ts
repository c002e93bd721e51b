import type {
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider'
import { FaultError, fault } from '../kit/fault.ts'
import type { TokenUsage } from '../metering/usage.ts'
import { usageFrom } from './usage.ts'

type Metadata = SharedV4ProviderMetadata | undefined

/** A reply is a row of blocks, one after the other. */
export type Block =
  | { readonly type: 'text' }
  | { readonly type: 'thought' }
  | { readonly type: 'call'; readonly id: string; readonly name: string }

export type Piece =
  | { readonly kind: 'start'; readonly block: Block; readonly metadata: Metadata }
  | { readonly kind: 'delta'; readonly block: Block; readonly text: string }
  | { readonly kind: 'end'; readonly block: Block; readonly text: string; readonly metadata: Metadata }

export interface WholeBlock {
  readonly block: Block
  /** Of a call: its arguments, as JSON. */
  readonly text: string
  readonly metadata: Metadata
}

export interface Finish {
  readonly reason: 'stop' | 'length' | 'content-filter' | 'tool-calls'
  /** The text that ended the reply, where the service says which. */
  readonly stopSequence: string | null
  /** Null: the service reported none. */
  readonly usage: TokenUsage | null
}

export interface Reply {
  readonly blocks: readonly WholeBlock[]
  readonly finish: Finish
}

export const finishOf = (
  reason: LanguageModelV4FinishReason,
  usage: LanguageModelV4Usage,
  metadata: Metadata,
  hasCalls: boolean,
): Finish => {
  const stopSequence = metadata?.anthropic?.stopSequence
  return {
    reason: unified(reason, hasCalls),
    stopSequence: typeof stopSequence === 'string' ? stopSequence : null,
    usage: usageFrom(usage),
  }
}

/** Some services say `stop` after a call. What the model could not finish is no reply. */
const unified = ({ unified: reason }: LanguageModelV4FinishReason, hasCalls: boolean): Finish['reason'] => {
  switch (reason) {
    case 'stop':
    case 'other':
      return hasCalls ? 'tool-calls' : 'stop'
    case 'error':
    case 'interrupted':
      throw new FaultError(fault('service_reply_invalid'))
    case 'length':
    case 'content-filter':
    case 'tool-calls':
      return reason
  }
}

export const blocksOf = (content: readonly LanguageModelV4Content[]): WholeBlock[] =>
  content.flatMap((part): WholeBlock[] => {
    const metadata = part.providerMetadata
    switch (part.type) {
      case 'text':
        return part.text === '' ? [] : [{ block: { type: 'text' }, text: part.text, metadata }]
      case 'reasoning':
        return [{ block: { type: 'thought' }, text: part.text, metadata }]
      case 'tool-call':
        return [
          {
            block: { type: 'call', id: part.toolCallId, name: part.toolName },
            text: part.input === '' ? '{}' : part.input,
            metadata,
          },
        ]
      case 'source':
        return []
      case 'custom':
      case 'file':
      case 'reasoning-file':
      case 'tool-approval-request':
      case 'tool-result':
        throw unspeakable(part.type)
    }
  })

/** Pictures a chat model drew, tools that the service ran: nothing that was asked for, and no dialect has all of it. */
const unspeakable = (type: string) =>
  new FaultError(
    fault('service_reply_invalid', {
      message: `The service’s reply holds a part that is not translated: ${type}.`,
    }),
  )

/** Nothing a model said: Anthropic's packages tell the first report of usage so. */
export const isAboutTheReply = (part: LanguageModelV4StreamPart): boolean =>
  part.type === 'response-metadata' ||
  part.type === 'ping' ||
  part.type === 'raw' ||
  (part.type === 'custom' && part.kind === 'anthropic.message_start')

interface Open {
  readonly key: string
  readonly block: Block
  readonly pieces: Piece[]
  text: string
  metadata: Metadata
  ended: boolean
}

/**
 * Parts of a stream as pieces of blocks in a row. Services leave a text open while calls begin, and may write several
 * calls at once: text ends where something else begins, and a later call waits for the one before it.
 */
export const makePieces = () => {
  const queue: Open[] = []
  const seen = new Set<string>()
  let ready: Piece[] = []

  const emit = (open: Open, piece: Piece) => {
    if (queue[0] === open) ready.push(piece)
    else open.pieces.push(piece)
  }
  const end = (open: Open) => {
    if (open.ended) return
    open.ended = true
    emit(open, { kind: 'end', block: open.block, text: open.text, metadata: open.metadata })
    while (queue[0]?.ended === true) {
      queue.shift()
      if (queue[0] !== undefined) ready.push(...queue[0].pieces.splice(0))
    }
  }
  const start = (key: string, block: Block, metadata: Metadata): Open => {
    for (const open of queue.slice()) if (open.block.type !== 'call') end(open)
    const open: Open = { key, block, pieces: [], text: '', metadata, ended: false }
    queue.push(open)
    emit(open, { kind: 'start', block, metadata })
    return open
  }
  const find = (key: string) => queue.find((open) => open.key === key && !open.ended)
  const write = (open: Open, text: string, metadata: Metadata) => {
    if (metadata !== undefined) open.metadata = { ...open.metadata, ...metadata }
    if (text === '') return
    open.text += text
    emit(open, { kind: 'delta', block: open.block, text })
  }
  const call = (id: string, name: string, input: string, metadata: Metadata) => {
    const known = find(`call:${id}`)
    if (known === undefined && seen.has(id)) return
    const open = known ?? start(`call:${id}`, { type: 'call', id, name }, metadata)
    seen.add(id)
    if (metadata !== undefined) open.metadata = { ...open.metadata, ...metadata }
    if (open.text === '') write(open, input === '' ? '{}' : input, undefined)
    end(open)
  }
  const take = (part: LanguageModelV4StreamPart): void => {
    switch (part.type) {
      case 'text-delta':
        // A text that a call interrupted goes on as a block of its own.
        if (part.delta !== '')
          write(
            find(`text:${part.id}`) ?? start(`text:${part.id}`, { type: 'text' }, undefined),
            part.delta,
            undefined,
          )
        return
      case 'reasoning-start':
        return void start(`thought:${part.id}`, { type: 'thought' }, part.providerMetadata)
      case 'reasoning-delta': {
        const key = `thought:${part.id}`
        return write(
          find(key) ?? start(key, { type: 'thought' }, undefined),
          part.delta,
          part.providerMetadata,
        )
      }
      case 'reasoning-end': {
        const open = find(`thought:${part.id}`)
        if (open === undefined) return
        write(open, '', part.providerMetadata)
        return end(open)
      }
      case 'tool-input-start':
        if (part.providerExecuted === true) throw unspeakable(part.type)
        seen.add(part.id)
        start(`call:${part.id}`, { type: 'call', id: part.id, name: part.toolName }, part.providerMetadata)
        return
      case 'tool-input-delta': {
        const open = find(`call:${part.id}`)
        if (open !== undefined) write(open, part.delta, part.providerMetadata)
        return
      }
      case 'tool-call':
        return call(part.toolCallId, part.toolName, part.input, part.providerMetadata)
      case 'file':
      case 'reasoning-file':
      case 'tool-result':
      case 'tool-approval-request':
        throw unspeakable(part.type)
      case 'custom':
        if (!isAboutTheReply(part)) throw unspeakable(part.kind)
        return
      case 'error':
      case 'finish':
      case 'ping':
      case 'raw':
      case 'response-metadata':
      case 'source':
      case 'stream-start':
      case 'text-end':
      case 'text-start':
      case 'tool-input-end':
        return
    }
  }
  const drain = (): Piece[] => {
    const pieces = ready
    ready = []
    return pieces
  }
  return {
    take(part: LanguageModelV4StreamPart): Piece[] {
      take(part)
      return drain()
    },
    /** Ends whatever is still open. */
    finish(): Piece[] {
      for (const open of queue.slice()) end(open)
      return drain()
    },
    hasCalls: () => seen.size > 0,
  }
}
