import { hash } from 'node:crypto'
import type { ParsedRequest } from './dialect.ts'
import { isObject } from './request.ts'

/** Longer beginnings tell no more conversations apart. */
const mostCharacters = 4_000

/**
 * What the calls of one conversation have in common: the instructions and the first message that is no instruction. Null
 * where a request has no messages. Never leaves the process and is not kept.
 */
export const conversationOf = ({ body }: ParsedRequest): string | null => {
  try {
    const parsed = JSON.parse(body.toString('utf8')) as Record<string, unknown>
    const turns = parsed.messages ?? parsed.input ?? parsed.contents
    const beginning = beginningOf(turns)
    if (beginning === null) return null
    const instructions = parsed.system ?? parsed.instructions ?? parsed.systemInstruction ?? ''
    return hash('sha256', short(instructions) + beginning, 'base64url')
  } catch {
    return null
  }
}

const short = (value: unknown): string => JSON.stringify(value).slice(0, mostCharacters)

const beginningOf = (turns: unknown): string | null => {
  if (typeof turns === 'string') return short(turns)
  if (!Array.isArray(turns) || turns.length === 0) return null
  const first = turns.findIndex((turn) => isObject(turn) && !/^(?:system|developer)$/.test(String(turn.role)))
  return turns
    .slice(0, first + 1)
    .map(short)
    .join('')
}
