import type { Directives } from './directives.ts'
import { isRecord } from './exchange.ts'
import { valueFor } from './schema-value.ts'
import { composeText, seededId, tokensOf } from './text.ts'

/** A tool as every service describes it: name and JSON schema of its arguments. */
export interface OfferedTool {
  readonly name: string
  readonly schema: unknown
}

export interface ToolCall {
  readonly name: string
  /** The arguments as JSON. */
  readonly argumentsText: string
  readonly idSeed: string
}

/** What a model is asked, whatever the service's dialect. */
export interface Question {
  readonly model: string
  /** Decides the reply: the same question gives the same one. */
  readonly seed: string
  readonly prompt: string
  readonly directives: Directives
  readonly tools: readonly OfferedTool[]
  /** `auto` calls tools only when the last word is the user's. */
  readonly toolChoice: 'none' | 'auto' | 'required' | { readonly name: string }
  readonly parallelTools: boolean
  readonly lastIsToolResult: boolean
  /** Reply with JSON of this schema. */
  readonly schema: unknown
  readonly stops: readonly string[]
  readonly outputLimit: number
  readonly reasoningTokens: number
}

export interface Answer {
  /** One per stream chunk. */
  readonly pieces: readonly string[]
  readonly toolCalls: readonly ToolCall[]
  readonly finish: 'stop' | 'stop_sequence' | 'length' | 'tools' | 'refusal'
  readonly stopSequence: string | null
  readonly outputTokens: number
  readonly reasoningTokens: number
}

export const answer = (question: Question): Answer => {
  const { directives, outputLimit } = question
  const reasoningTokens = Math.min(question.reasoningTokens, outputLimit)
  const room = outputLimit - reasoningTokens
  if (directives.refusal) return ended([], 'refusal', reasoningTokens)
  const toolCalls = callsOf(question)
  if (toolCalls.length > 0) {
    const tokens = toolCalls.reduce(
      (sum, call) => sum + tokensOf(call.name + call.argumentsText).length + 4,
      0,
    )
    if (tokens > room) return ended([], 'length', outputLimit)
    return { ...ended([], 'tools', reasoningTokens), toolCalls, outputTokens: reasoningTokens + tokens }
  }
  const { text, stopSequence } = cutAtStop(textOf(question), question.stops)
  const pieces = directives.hugeBytes === undefined ? tokensOf(text) : ['x'.repeat(directives.hugeBytes)]
  if (pieces.length > room) return ended(pieces.slice(0, room), 'length', reasoningTokens)
  return { ...ended(pieces, stopSequence ? 'stop_sequence' : 'stop', reasoningTokens), stopSequence }
}

const ended = (pieces: readonly string[], finish: Answer['finish'], reasoningTokens: number): Answer => ({
  pieces,
  toolCalls: [],
  finish,
  stopSequence: null,
  outputTokens: pieces.length + reasoningTokens,
  reasoningTokens,
})

const textOf = (question: Question): string => {
  const { directives, seed, model, prompt, schema } = question
  if (schema !== undefined) return JSON.stringify(valueFor(schema, seed))
  if (directives.say !== undefined) return directives.say
  return composeText({
    seed,
    model,
    prompt,
    ...(directives.tokens !== undefined && { tokens: directives.tokens }),
  })
}

/** The earliest stop sequence ends the text and is not part of it. */
const cutAtStop = (text: string, stops: readonly string[]): { text: string; stopSequence: string | null } => {
  const found = stops
    .filter((stop) => stop !== '' && text.includes(stop))
    .sort((a, b) => text.indexOf(a) - text.indexOf(b))[0]
  return found === undefined
    ? { text, stopSequence: null }
    : { text: text.slice(0, text.indexOf(found)), stopSequence: found }
}

const callsOf = (question: Question): ToolCall[] =>
  chosenTools(question).map((tool, index) => ({
    name: tool.name,
    argumentsText: JSON.stringify(valueFor(tool.schema, `${question.seed}:${index}:${tool.name}`)),
    idSeed: `${question.seed}:${index}`,
  }))

const chosenTools = ({ tools, toolChoice, directives, ...question }: Question): OfferedTool[] => {
  if (tools.length === 0 || toolChoice === 'none' || directives.tools === 0) return []
  if (typeof toolChoice === 'object') return tools.filter((tool) => tool.name === toolChoice.name)
  if (toolChoice === 'auto' && question.lastIsToolResult) return []
  const many = directives.tools ?? 0
  if (many > 0) return Array.from({ length: many }, (_, i) => tools[i % tools.length]).filter(isTool)
  const mentioned = tools.filter((tool) => mentions(question.prompt, tool.name))
  const calls = mentioned.length > 0 ? mentioned : tools.slice(0, 1)
  return question.parallelTools ? calls : calls.slice(0, 1)
}

const isTool = (tool: OfferedTool | undefined): tool is OfferedTool => tool !== undefined

/** `get_weather` is mentioned by “What is the weather?”. */
const mentions = (prompt: string, name: string): boolean => {
  const words = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 3)
  const said = prompt.toLowerCase()
  return words.some((word) => said.includes(word))
}

export const toolCallId = (prefix: string, call: ToolCall): string => seededId(prefix, call.idSeed, 24)

/** Arguments as a stream sends them: a few characters at a time. */
export const argumentPieces = (text: string): string[] => text.match(/[\s\S]{1,12}/g) ?? []

export const asTools = (
  tools: unknown,
  read: (tool: Record<string, unknown>) => OfferedTool | null,
): OfferedTool[] =>
  Array.isArray(tools) ? tools.flatMap((tool) => (isRecord(tool) ? (read(tool) ?? []) : [])) : []
