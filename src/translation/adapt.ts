import { hash } from 'node:crypto'
import type { JSONObject, LanguageModelV4, LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { AssistantPart, Call, Message, ToolResult, UserPart } from './call.ts'
import { withoutEmpties } from './empties.ts'
import { cachesByBreakpoint, callIdsOf, type Family, takesFilesInResults } from './family.ts'
import { opensUrl, refuseUrl } from './media.ts'
import { type Notes, refuse } from './notes.ts'

type Options = Record<string, JSONObject>
type SupportedUrls = Awaited<LanguageModelV4['supportedUrls']>

/** A conversation as one family of models takes it. What it cannot take is refused or noted, before anything is sent. */
export const adaptPrompt = (
  { prompt }: Call,
  family: Family,
  supportedUrls: SupportedUrls,
  notes: Notes,
): LanguageModelV4Prompt => {
  const adapted = prompt.map((message) => adaptMessage(message, family, supportedUrls, notes))
  if (!cachesByBreakpoint(family) && prompt.some(hasBreakpoint)) notes.list('cache_control')
  // A turn that held nothing but reasoning of another service is listed already.
  const hasSaid = adapted.filter(
    ({ content }, index) => content.length > 0 || prompt[index]?.content.length === 0,
  )
  return withoutEmpties(hasSaid, family, notes)
}

const isBreakpoint = ({ providerOptions }: { providerOptions?: Options | undefined }): boolean =>
  providerOptions?.anthropic?.cacheControl !== undefined

const hasBreakpoint = (message: Message): boolean =>
  isBreakpoint(message) || (message.role !== 'system' && message.content.some(isBreakpoint))

const adaptMessage = (
  message: Message,
  family: Family,
  supportedUrls: SupportedUrls,
  notes: Notes,
): Message => {
  switch (message.role) {
    case 'system':
      return message
    case 'user': {
      for (const part of message.content) checkUserPart(part, family, supportedUrls, notes)
      return message
    }
    case 'assistant':
      return {
        ...message,
        content: message.content
          .filter((part) => keepsPart(part, family, notes))
          .map((part) => renamed(part, family)),
      }
    case 'tool':
      return {
        ...message,
        content: message.content.map((part) =>
          part.type === 'tool-result' ? renamed(resultFor(part, family, supportedUrls, notes), family) : part,
        ),
      }
  }
}

const checkUserPart = (part: UserPart, family: Family, supportedUrls: SupportedUrls, notes: Notes): void => {
  if (part.type !== 'file') return
  if (part.data.type === 'url' && !opensUrl(supportedUrls, part.mediaType, part.data.url))
    refuseUrl(notes.placeOf(part))
  const isOpenAi = family === 'openai_chat' || family === 'openai_responses'
  if (part.providerOptions?.openai?.imageDetail !== undefined && !isOpenAi) notes.list('image_url.detail')
}

/** Reasoning goes back only to the kind of service that signed it; others would refuse it or take it for speech. */
const keepsPart = (part: AssistantPart, family: Family, notes: Notes): boolean => {
  if (part.type !== 'reasoning') return true
  const { anthropic, bedrock, amazonBedrock, google, googleVertex, openai, azure } =
    part.providerOptions ?? {}
  const signed = {
    anthropic: anthropic?.signature ?? anthropic?.redactedData,
    bedrock: bedrock ?? amazonBedrock,
    google: google ?? googleVertex,
    openai_responses: (openai ?? azure)?.reasoningEncryptedContent,
    compatible: part.text === '' ? undefined : part.text,
    openai_chat: undefined,
    mistral: undefined,
    cohere: undefined,
  }[family]
  if (signed === undefined) notes.list('reasoning of earlier turns')
  return signed !== undefined
}

/** The same id for a call and its result, in every turn. */
const renamed = <Part extends AssistantPart | ToolResult>(part: Part, family: Family): Part => {
  if (part.type !== 'tool-call' && part.type !== 'tool-result') return part
  if (callIdsOf(family).test(part.toolCallId)) return part
  const digest = hash('sha256', part.toolCallId)
  return { ...part, toolCallId: family === 'mistral' ? digest.slice(0, 9) : `call_${digest.slice(0, 32)}` }
}

const resultFor = (
  result: ToolResult,
  family: Family,
  supportedUrls: SupportedUrls,
  notes: Notes,
): ToolResult => {
  const { output } = result
  if (output.type !== 'content') return result
  const texts = output.value.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  // Services without a list of parts there would be sent our JSON of it.
  if (texts.length === output.value.length)
    return { ...result, output: { type: 'text', value: texts.join('\n') } }
  for (const part of output.value) {
    if (part.type !== 'file') continue
    const field = notes.placeOf(part)
    if (!takesFilesInResults(family)) refuse(field, 'Results of tools can hold only text for this service.')
    const opens = family === 'anthropic' || family === 'openai_responses'
    const isOpened =
      part.data.type !== 'url' || (opens && opensUrl(supportedUrls, part.mediaType, part.data.url))
    if (!isOpened) refuseUrl(field)
  }
  return result
}
