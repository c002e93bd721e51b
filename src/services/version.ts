import type { Service } from './service.ts'

/** `/v1` of most; where a key's own address has it already, nothing. */
export const versionOf = ({ endpoints }: Service): string => {
  const { chat_completions: chat, messages } = endpoints
  if (chat?.endsWith('/chat/completions') === true) return chat.slice(0, -'/chat/completions'.length)
  return messages?.endsWith('/messages') === true ? messages.slice(0, -'/messages'.length) : '/v1'
}
