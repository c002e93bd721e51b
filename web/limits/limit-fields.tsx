import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { RateLimits } from '../../src/contract/limits.ts'
import { parseLimit } from './limit-words.ts'
import classes from './limits.module.css'

const fields = [
  { name: 'requestsPerMinute', label: 'Requests a minute' },
  { name: 'tokensPerMinute', label: 'Tokens a minute' },
  { name: 'concurrent', label: 'At once' },
] as const

const textsOf = (limits: RateLimits) => ({
  requestsPerMinute: limits.requestsPerMinute?.toString() ?? '',
  tokensPerMinute: limits.tokensPerMinute?.toString() ?? '',
  concurrent: limits.concurrent?.toString() ?? '',
})

/** What is in the fields; null while one of them is no limit. */
export const useLimitFields = (before: RateLimits) => {
  const [texts, setTexts] = useState(textsOf(before))
  const parsed = fields.map(({ name }) => [name, parseLimit(texts[name])] as const)
  const limits = parsed.every(([, value]) => value !== null)
    ? (Object.fromEntries(parsed.map(([name, value]) => [name, value?.limit ?? null])) as RateLimits)
    : null
  return {
    limits,
    isChanged: JSON.stringify(texts) !== JSON.stringify(textsOf(before)),
    isAny: Object.values(texts).some((text) => text.trim() !== ''),
    clear: () => setTexts({ requestsPerMinute: '', tokensPerMinute: '', concurrent: '' }),
    inputs: (
      <div className={classes.fields}>
        {fields.map(({ name, label }) => (
          <TextInput
            key={name}
            label={label}
            inputMode="numeric"
            placeholder="no limit"
            value={texts[name]}
            error={parseLimit(texts[name]) === null && 'A whole number.'}
            onChange={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
          />
        ))}
      </div>
    ),
  }
}
