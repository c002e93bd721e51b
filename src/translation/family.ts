/** What kind of AI SDK model answers: each has its own names for what the SDK has no common word for. */
export type Family =
  | 'anthropic'
  | 'bedrock'
  | 'cohere'
  | 'compatible'
  | 'google'
  | 'mistral'
  | 'openai_chat'
  | 'openai_responses'

/** By `model.provider`, such as `openai.chat` or `googleVertex.anthropic.messages`. */
export const familyOf = (provider: string): Family => {
  if (provider.includes('anthropic')) return 'anthropic'
  if (provider.startsWith('google')) return 'google'
  if (provider.startsWith('amazon-bedrock')) return 'bedrock'
  if (provider.startsWith('mistral')) return 'mistral'
  if (provider.startsWith('cohere')) return 'cohere'
  if (/^(?:openai|azure)\b.*\bresponses$/.test(provider)) return 'openai_responses'
  return /^(?:openai|azure(?:-openai)?)\.chat$/.test(provider) ? 'openai_chat' : 'compatible'
}

/** Understands breakpoints of prompt caching as Anthropic's dialect sets them. */
export const cachesByBreakpoint = (family: Family): boolean => family === 'anthropic' || family === 'bedrock'

/** Results of tools may hold images and files. */
export const takesFilesInResults = (family: Family): boolean =>
  family === 'anthropic' || family === 'bedrock' || family === 'google' || family === 'openai_responses'

/** Ids of calls that a service takes back: Mistral wants nine letters or digits, OpenAI at most 40 characters. */
export const callIdsOf = (family: Family): RegExp =>
  family === 'mistral' ? /^[a-zA-Z0-9]{9}$/ : /^[a-zA-Z0-9_-]{1,40}$/
