import type { LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider'

/** What a caller asked, in the words of no dialect. */
export interface Call {
  readonly prompt: LanguageModelV4Prompt
  readonly settings: Settings
  readonly wishes: Wishes
}

export type Settings = Pick<
  LanguageModelV4CallOptions,
  | 'maxOutputTokens'
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'stopSequences'
  | 'seed'
  | 'responseFormat'
  | 'tools'
  | 'toolChoice'
  | 'reasoning'
>

/** What the AI SDK has no common word for. */
export interface Wishes {
  /** False: at most one call in a reply. The field that says so. */
  readonly singleCalls: string | null
  readonly thinkingTokens: number | null
  /** The caller's dialect has a place for reasoning and the caller asked to see it. */
  readonly showsThoughts: boolean
  /** Reasoning is to come back in a form that the caller can send again. */
  readonly keepsThoughts: boolean
  /** The schema of the reply is to be enforced, not only suggested. */
  readonly strictSchema: boolean
  /** The field that asks for the whole prompt to be cached, and for how long. */
  readonly cachesPrompt: { readonly ttl: '5m' | '1h' } | null
}

export const noWishes: Wishes = {
  singleCalls: null,
  thinkingTokens: null,
  showsThoughts: false,
  keepsThoughts: false,
  strictSchema: false,
  cachesPrompt: null,
}

export type Message = LanguageModelV4Prompt[number]
type PartsOf<Role> = Extract<Message, { role: Role }>['content']
export type UserPart = PartsOf<'user'>[number]
export type AssistantPart = PartsOf<'assistant'>[number]
export type ToolResult = Extract<PartsOf<'tool'>[number], { type: 'tool-result' }>
export type ToolOutput = ToolResult['output']

/** Collects messages; results of calls that stand in a row are one message, as the services want parallel calls. */
export const makePrompt = () => {
  const prompt: Message[] = []
  const names = new Map<string, string>()
  const last = () => prompt.at(-1)
  return {
    prompt,
    system: (content: string, providerOptions?: Message['providerOptions']) =>
      void prompt.push({ role: 'system', content, ...(providerOptions && { providerOptions }) }),
    user: (content: UserPart[]) => void prompt.push({ role: 'user', content }),
    assistant(content: AssistantPart[], joins = false) {
      for (const part of content) if (part.type === 'tool-call') names.set(part.toolCallId, part.toolName)
      const before = last()
      if (joins && before?.role === 'assistant') before.content.push(...content)
      else prompt.push({ role: 'assistant', content })
    },
    results(results: ToolResult[]) {
      if (results.length === 0) return
      const before = last()
      if (before?.role === 'tool') before.content.push(...results)
      else prompt.push({ role: 'tool', content: results })
    },
    /** The name of the tool that a call of the conversation named. */
    nameOf: (callId: string) => names.get(callId),
  }
}
export type PromptBuilder = ReturnType<typeof makePrompt>
