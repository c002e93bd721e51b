import { dataOf, makeEventSplitter } from '../../src/dialects/sse.ts'
import type { Endpoint } from '../../src/services/endpoint.ts'

export type Inbound = 'chat_completions' | 'responses' | 'messages' | 'gemini'
export const inbounds: readonly Inbound[] = ['chat_completions', 'responses', 'messages', 'gemini']

export const endpointOf = (inbound: Inbound, streamed: boolean): Endpoint => {
  if (inbound !== 'gemini') return inbound
  return streamed ? 'stream_generate_content' : 'generate_content'
}

export interface Read {
  text: string
  thought: string
  calls: { name: string; args: unknown }[]
  finish: string
}
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any

/** What a caller makes of a whole reply. */
const readers: Record<Inbound, (reply: Any) => Read> = {
  chat_completions: ({ choices: [choice] }) => ({
    text: choice.message.content ?? '',
    thought: choice.message.reasoning_content ?? '',
    calls: (choice.message.tool_calls ?? []).map((call: Any) => ({
      name: call.function.name,
      args: JSON.parse(call.function.arguments),
    })),
    finish: choice.finish_reason,
  }),
  responses: ({ output, status }) => ({
    text: output.flatMap((item: Any) => (item.content ?? []).map((part: Any) => part.text)).join(''),
    thought: output.flatMap((item: Any) => (item.summary ?? []).map((part: Any) => part.text)).join(''),
    calls: output
      .filter((item: Any) => item.type === 'function_call')
      .map((item: Any) => ({ name: item.name, args: JSON.parse(item.arguments) })),
    finish: status,
  }),
  messages: ({ content, stop_reason: finish }) => ({
    text: content.map((block: Any) => block.text ?? '').join(''),
    thought: content.map((block: Any) => block.thinking ?? '').join(''),
    calls: content
      .filter((block: Any) => block.type === 'tool_use')
      .map((block: Any) => ({ name: block.name, args: block.input })),
    finish,
  }),
  gemini: ({ candidates: [candidate] }) => {
    const { parts } = candidate.content
    return {
      text: parts.map((part: Any) => (part.thought ? '' : (part.text ?? ''))).join(''),
      thought: parts.map((part: Any) => (part.thought ? (part.text ?? '') : '')).join(''),
      calls: parts
        .filter((part: Any) => part.functionCall)
        .map((part: Any) => ({ name: part.functionCall.name, args: part.functionCall.args })),
      finish: candidate.finishReason,
    }
  },
}

/** And of a stream: the dialect's own rules of putting it together again. */
const assemble: Record<Inbound, (events: Any[]) => Any> = {
  chat_completions: (events) => {
    const message: Any = { content: '', reasoning_content: '', tool_calls: [] }
    let finish_reason = null
    for (const { choices } of events) {
      const [choice] = choices
      if (choice === undefined) continue
      message.content += choice.delta.content ?? ''
      message.reasoning_content += choice.delta.reasoning_content ?? ''
      for (const call of choice.delta.tool_calls ?? []) {
        message.tool_calls[call.index] ??= { function: { name: call.function.name, arguments: '' } }
        message.tool_calls[call.index].function.arguments += call.function.arguments
      }
      finish_reason ??= choice.finish_reason
    }
    return { choices: [{ message, finish_reason }] }
  },
  responses: (events) => events.at(-1).response,
  messages: (events) => {
    const content: Any[] = []
    let stop_reason = null
    for (const event of events) {
      if (event.type === 'content_block_start') content.push({ ...event.content_block, json: '' })
      const block = content.at(-1)
      if (event.delta?.type === 'text_delta') block.text += event.delta.text
      if (event.delta?.type === 'thinking_delta') block.thinking += event.delta.thinking
      if (event.delta?.type === 'input_json_delta') block.json += event.delta.partial_json
      if (event.type === 'content_block_stop' && block.type === 'tool_use')
        block.input = JSON.parse(block.json)
      if (event.type === 'message_delta') stop_reason = event.delta.stop_reason
    }
    return { content, stop_reason }
  },
  gemini: (events) => ({
    candidates: [
      {
        content: { parts: events.flatMap((event) => event.candidates[0].content.parts) },
        finishReason: events.at(-1).candidates[0].finishReason,
      },
    ],
  }),
}

/** A reply as its caller reads it; streams must be whole events. */
export const readReply = (inbound: Inbound, bytes: Buffer, streamed: boolean): Read => {
  if (!streamed) return readers[inbound](JSON.parse(bytes.toString()))
  const { text, ends } = makeEventSplitter(1_000_000).push(bytes)
  if (ends.at(-1) !== text.length) throw new Error('an event has no end')
  const events = ends
    .map((end, at) => dataOf(text.subarray(ends[at - 1] ?? 0, end)))
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as unknown)
  return readers[inbound](assemble[inbound](events))
}
