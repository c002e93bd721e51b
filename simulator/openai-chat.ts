import { chunkEvents, completionBody, completionId, event, makeReply } from './chat-reply.ts'
import { type ChatRequest, readChat } from './chat-request.ts'
import { type Exchange, isRecord, sendReply } from './exchange.ts'
import { type OpenAiHost, openAi, refuse } from './openai-host.ts'

/** Chat completions of OpenAI, and of Azure with models by the names of deployments. */
export const chat = async (
  exchange: Exchange,
  secret: string,
  body: Record<string, unknown>,
  host: OpenAiHost = openAi,
): Promise<void> => {
  const { chatModels: models, unknownModel, rules } = host
  const request = readChat(body, { models, unknownModel, ...rules })
  if ('status' in request) return refuse(exchange, host, request)
  const cached = exchange.state.cache.automatic(secret, request.model.id, request.promptTokens)
  const common = commonOf(exchange, request)
  const reply = makeReply(request, cached, common)
  const { directives } = request
  const headers = host.modelHeaders(exchange, request.promptCount)
  const wantsLogprobs = body['logprobs'] === true
  return sendReply(exchange, {
    directives,
    streamed: body['stream'] === true,
    fail: (status, retryAfterSeconds) => refuse(exchange, host, host.errorOf(status, retryAfterSeconds)),
    whole: () => ({ body: completionBody(reply, wantsLogprobs, !directives.noUsage), headers }),
    stream: () => {
      const options = isRecord(body['stream_options']) ? body['stream_options'] : {}
      const reports = options['include_usage'] === true && !directives.noUsage
      // A stream that will report usage says `"usage": null` in every other chunk.
      const events = chunkEvents(reply, wantsLogprobs, reports ? { usage: null } : {})
      const usage = event({ object: 'chat.completion.chunk', ...common, choices: [], usage: reply.usage })
      return {
        headers,
        opening: events.opening,
        chunks: events.chunks,
        more: events.more,
        closing: [...events.finish, ...(reports ? [usage] : []), 'data: [DONE]\n\n'],
        error: event(host.errorBody(host.errorOf(500))),
      }
    },
  })
}

const commonOf = (exchange: Exchange, request: ChatRequest) => ({
  id: completionId(request, 'chatcmpl-'),
  created: Math.floor(exchange.state.now() / 1000),
  model: request.model.snapshot ?? request.model.id,
  service_tier: 'default',
  system_fingerprint: 'fp_simulated',
})
