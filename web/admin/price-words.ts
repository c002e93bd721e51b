import { unitName } from '../data/unit-words.ts'
import { exactUsd } from '../ui/format.ts'

/** How prices are written and read: dollars outside, whole nano-dollars for each so many inside. No floats. */

const classes = ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning']
export const isTokens = (unit: string): boolean => classes.includes(unit) || unit.endsWith('_tokens')

export interface Per {
  readonly per: string
  readonly words: string
}

/** For how many a price can be: those that people use, the usual one first. */
export const pers = (unit: string): readonly Per[] => {
  if (isTokens(unit))
    return [
      { per: '1000000', words: '1M tokens' },
      { per: '1000', words: '1,000 tokens' },
    ]
  if (unit === 'characters')
    return [
      { per: '1000000', words: '1M characters' },
      { per: '1000', words: '1,000 characters' },
    ]
  if (unit === 'audio_seconds')
    return [
      { per: '3600', words: 'hour' },
      { per: '60', words: 'minute' },
      { per: '1', words: 'second' },
    ]
  const one = { per: '1', words: unitName(unit).toLowerCase() }
  return [one, { per: '1000', words: '1,000' }]
}

interface Amount {
  readonly unit: string
  readonly nanoUsd: string
  readonly per: string
}

/** `$3.00 / 1M tokens`, `$0.04 each`. */
export const priceText = ({ unit, nanoUsd, per }: Amount): string => {
  if (BigInt(nanoUsd) === 0n) return 'free of charge'
  const million = isTokens(unit) ? perMillion({ nanoUsd, per }) : null
  if (million !== null) return `${exactUsd(million)} / 1M tokens`
  if (per === '1') return `${exactUsd(nanoUsd)} each`
  const known = pers(unit).find((each) => each.per === per)
  return `${exactUsd(nanoUsd)} / ${known?.words ?? BigInt(per).toLocaleString('en')}`
}

/** Of a million; null where that would not be a whole number of nano-dollars. */
export const perMillion = ({ nanoUsd, per }: Pick<Amount, 'nanoUsd' | 'per'>): bigint | null => {
  const whole = BigInt(nanoUsd) * 1_000_000n
  return whole % BigInt(per) === 0n ? whole / BigInt(per) : null
}

/** `0.04` → `40000000`; null for what is no amount of dollars with at most nine places. */
export const parseUsd = (text: string): string | null => {
  const match = /^\$?\s*(\d{1,8})(?:[.,](\d{1,9}))?$/.exec(text.trim())
  if (!match) return null
  return String(BigInt(`${match[1]}${(match[2] ?? '').padEnd(9, '0')}`))
}

/** The other way round, for a field: `40000000` → `0.04`. */
export const usdField = (nanoUsd: string): string => exactUsd(nanoUsd).replace(/[$,]/g, '')
