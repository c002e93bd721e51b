import type { RateLimits } from '../../src/contract/limits.ts'
import { count, counted } from '../ui/format.ts'

export const unlimited: RateLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }

/** `60 requests a minute, 4 at once`; null where nothing is limited. */
export const limitsText = (limits: RateLimits | undefined): string | null => {
  if (limits === undefined) return null
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits
  const parts = [
    ...(requestsPerMinute === null ? [] : [`${counted(requestsPerMinute, 'request')} a minute`]),
    ...(tokensPerMinute === null ? [] : [`${counted(tokensPerMinute, 'token')} a minute`]),
    ...(concurrent === null ? [] : [`${count(concurrent)} at once`]),
  ]
  return parts.length === 0 ? null : parts.join(', ')
}

/** An empty field: not limited. Null: not a whole number above zero. */
export const parseLimit = (text: string): { readonly limit: number | null } | null => {
  const digits = text.trim().replaceAll(/[\s,_]/g, '')
  if (digits === '') return { limit: null }
  return /^[1-9]\d{0,8}$/.test(digits) ? { limit: Number(digits) } : null
}
