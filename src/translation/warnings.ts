import type { SharedV4Warning } from '@ai-sdk/provider'
import type { Notes } from './notes.ts'

/** What the SDK's model says it left out or changed, by the caller's names of fields. */
export const noteWarnings = (
  warnings: readonly SharedV4Warning[],
  names: Readonly<Record<string, string>>,
  notes: Notes,
): void => {
  for (const warning of warnings) {
    if (warning.type === 'other') notes.list(printable(warning.message))
    else {
      const feature = warning.type === 'deprecated' ? warning.setting : warning.feature
      notes.list(names[feature] ?? printable(feature))
    }
  }
}

/** For a header, and without what a caller wrote: names of tools stand in backticks. */
const printable = (text: string) =>
  text
    .replace(/`[^`]*`/g, '…')
    .replace(/[^\w .:'-]/g, '')
    .slice(0, 80)

const openAiNames = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  seed: 'seed',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  stopSequences: 'stop',
  maxOutputTokens: 'max_tokens',
  responseFormat: 'response_format',
  toolChoice: 'tool_choice',
  reasoning: 'reasoning_effort',
  strict: 'tools[].function.strict',
}

export const warningNames = {
  chat_completions: openAiNames,
  responses: {
    ...openAiNames,
    maxOutputTokens: 'max_output_tokens',
    responseFormat: 'text.format',
    reasoning: 'reasoning',
  },
  messages: {
    ...openAiNames,
    stopSequences: 'stop_sequences',
    responseFormat: 'output_format',
    reasoning: 'thinking',
    strict: 'tools[].strict',
  },
  gemini: Object.fromEntries(
    Object.keys(openAiNames).map((name) => [
      name,
      name === 'toolChoice' ? 'toolConfig' : `generationConfig.${name}`,
    ]),
  ),
} as const
