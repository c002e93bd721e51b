import type { Endpoint } from '../../src/services/endpoint.ts'
import { answering, requestOf, serviceOf, translate } from './upstream.ts'

const replies: Record<string, () => Response> = {
  anthropic: () =>
    Response.json({
      type: 'message',
      id: 'm',
      role: 'assistant',
      content: [{ type: 'text', text: 'ok' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    }),
  azure_openai: () =>
    Response.json({
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
    }),
  custom: () =>
    Response.json({
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
    }),
  gemini: () =>
    Response.json({
      candidates: [{ content: { role: 'model', parts: [{ text: 'ok' }] }, finishReason: 'STOP' }],
    }),
  bedrock: () =>
    Response.json({
      output: { message: { role: 'assistant', content: [{ text: 'ok' }] } },
      stopReason: 'end_turn',
      usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
    }),
  openai: () => Response.json({ error: { message: 'not asked here' } }, { status: 400 }),
  mistral: () =>
    Response.json({
      id: 'x',
      model: 'm',
      created: 1,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }),
}
export const models: Record<string, string> = {
  anthropic: 'claude-sonnet-4-5',
  azure_openai: 'gpt-4o',
  gemini: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-3-5-sonnet-20241022-v2:0',
  openai: 'gpt-4o',
}

export const ask = async (endpoint: Endpoint, service: string, body: object, more: object = {}) => {
  const { fetch, sent } = answering(replies[service] as () => Response)
  const request = requestOf(endpoint, body, {
    service: serviceOf(service),
    model: models[service] ?? 'm',
    settings: { region: 'us-east-1', resource: 'r' },
    fetch,
    ...more,
  })
  // oxlint-disable-next-line typescript/no-explicit-any
  return { result: await translate(request), body: sent[0]?.body as any, sent }
}

export const user = (content: unknown) => ({ role: 'user', content })
export const chat = (more: object) => ({ model: 'm', messages: [user('hi')], ...more })
export const messages = (more: object) => ({ model: 'm', max_tokens: 100, messages: [user('hi')], ...more })
export const responses = (more: object) => ({ model: 'm', input: 'hi', ...more })
export const gemini = (more: object) => ({ contents: [{ parts: [{ text: 'hi' }] }], ...more })
export const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }
