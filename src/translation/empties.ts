import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { Message, ToolResult } from './call.ts'
import type { Family } from './family.ts'
import { type Notes, refuse } from './notes.ts'

/**
 * OpenAI takes turns that say nothing; others refuse the whole conversation for one of them. An empty text says as much
 * as none, so it is left out as the AI SDK does for its own users, and a turn of which nothing is left goes with it: the
 * services join the turns around it, which is listed.
 */
export const withoutEmpties = (
  prompt: LanguageModelV4Prompt,
  family: Family,
  notes: Notes,
): LanguageModelV4Prompt => {
  const kept = prompt
    .map((message) => withoutEmptyParts(message, family, notes))
    .filter((message) => {
      if (message.content.length > 0) return true
      // An empty instruction is none.
      if (message.role !== 'system') notes.list('empty turns')
      return false
    })
  refuseLostQuestion(prompt, kept, notes)
  return kept
}

/** Without the last question, the words before it would be taken for the beginning of the answer. */
const refuseLostQuestion = (prompt: LanguageModelV4Prompt, kept: LanguageModelV4Prompt, notes: Notes) => {
  const last = prompt.at(-1)
  if (last?.role !== 'user' || kept.at(-1)?.role === 'user' || kept.at(-1)?.role === 'tool') return
  const [part = last] = last.content
  refuse(notes.placeOf(part), 'The last message is empty, which this service does not take; send some text.')
}

const withoutEmptyParts = (message: Message, family: Family, notes: Notes): Message => {
  switch (message.role) {
    case 'system':
      return isEmptyText(message.content, family) ? { ...message, content: '' } : message
    case 'user':
      return message.content.some((part) => isEmptyPart(part, family))
        ? { ...message, content: message.content.filter((part) => keeps(part, family, notes)) }
        : message
    case 'assistant':
      return message.content.some((part) => isEmptyPart(part, family))
        ? { ...message, content: message.content.filter((part) => keeps(part, family, notes)) }
        : message
    case 'tool':
      return {
        ...message,
        content: message.content.map((part) =>
          part.type === 'tool-result' ? withoutEmptyOutput(part, family) : part,
        ),
      }
  }
}

/** Anthropic's models refuse text of nothing but space too, wherever they run. */
const isEmptyText = (text: string, family: Family): boolean =>
  text === '' || ((family === 'anthropic' || family === 'bedrock') && text.trim() === '')

interface AnyPart {
  readonly type: string
  readonly text?: string
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Gemini signs empty texts, and wants them back. */
const isSigned = ({ providerOptions }: AnyPart, family: Family): boolean =>
  family === 'google' &&
  [providerOptions?.google, providerOptions?.googleVertex].some((own) => own?.thoughtSignature !== undefined)

const isEmptyPart = (part: AnyPart, family: Family): boolean =>
  part.type === 'text' && isEmptyText(part.text ?? '', family) && !isSigned(part, family)

const keeps = (part: AnyPart, family: Family, notes: Notes): boolean => {
  if (!isEmptyPart(part, family)) return true
  if (part.providerOptions?.anthropic?.cacheControl !== undefined) notes.list('cache_control')
  return false
}

/** A tool that had nothing to say is an answer all the same; Bedrock refuses an empty text, not an empty list. */
const withoutEmptyOutput = (result: ToolResult, family: Family): ToolResult => {
  const { output } = result
  if (output.type === 'content')
    return {
      ...result,
      output: { ...output, value: output.value.filter((part) => !isEmptyPart(part, family)) },
    }
  const isEmpty = output.type === 'text' && isEmptyText(output.value, family)
  return family === 'bedrock' && isEmpty ? { ...result, output: { type: 'content', value: [] } } : result
}
