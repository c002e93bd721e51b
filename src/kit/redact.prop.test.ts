import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactSecrets } from './redact.ts'

const word = (alphabet: string, minLength: number, maxLength = minLength) =>
  fc
    .array(fc.constantFrom(...alphabet.split('')), { minLength, maxLength })
    .map((letters) => letters.join(''))
const lower = 'abcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const alnum = lower + lower.toUpperCase() + digits
const token = `${alnum}_-`
const hex = `${digits}abcdef`
const framed = (before: string, rest: fc.Arbitrary<string>, after = '') => rest.map((r) => before + r + after)
/** A digit anywhere: random keys of these lengths have one. */
const withDigit = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((r) => `${r.slice(0, -1)}7`)

const shapes: Record<string, fc.Arbitrary<string>> = {
  'OpenAI project key': fc
    .tuple(fc.constantFrom('proj', 'svcacct', 'admin'), word(token, 58), word(token, 74))
    .map(([kind, a, b]) => `sk-${kind}-${a}T3BlbkFJ${b}`),
  'OpenAI legacy key': fc.tuple(word(alnum, 20), word(alnum, 20)).map(([a, b]) => `sk-${a}T3BlbkFJ${b}`),
  'Anthropic key': framed('sk-ant-api03-', word(token, 93), 'AA'),
  'Anthropic admin key': framed('sk-ant-admin01-', word(token, 93), 'AA'),
  'Anthropic short-lived token': framed('sk-ant-oat01-', word(token, 40)),
  'Google key': framed('AIza', word(token, 35)),
  'Google authorization key': framed('AQ.Ab', word(token, 45)),
  'Groq key': framed('gsk_', word(alnum, 52)),
  'xAI key': framed('xai-', withDigit(word(`${alnum}_`, 80))),
  'Hugging Face token': framed('hf_', withDigit(word(alnum, 34))),
  'Hugging Face organization token': framed('api_org_', word(alnum, 34)),
  'Replicate token': framed('r8_', withDigit(word(token, 37))),
  'ElevenLabs key': framed('sk_', withDigit(word(hex, 48))),
  'Stability key': framed('sk-', withDigit(word(alnum, 48))),
  'OpenRouter key': framed('sk-or-v1-', word(hex, 64)),
  'Perplexity key': framed('pplx-', word(alnum, 48)),
  'DeepSeek key': framed('sk-', withDigit(word(lower + digits, 32))),
  'Azure key': fc
    .tuple(word(alnum, 52), word('ABCDEFGHIJKL', 1), word(alnum, 12), word(alnum, 4))
    .map(([a, b, c, d]) => `${a}JQQJ99B${b}${c}AAABACOG${d}`),
  'Entra client secret': fc.tuple(word(alnum, 3), word(`${alnum}_~.-`, 34)).map(([a, b]) => `${a}8Q~${b}`),
  'AWS access key id': framed('AKIA', word('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)),
  'Bedrock long-term key': framed('ABSK', word(`${alnum}+/`, 120), '=='),
  'Bedrock short-term key': framed('bedrock-api-key-', word(`${alnum}+/`, 120)),
  'NVIDIA key': framed('nvapi-', word(token, 64)),
  'Together key': framed('tgp_v1_', word(token, 43)),
  'Cerebras key': framed('csk-', word(lower + digits, 48)),
  'Voyage key': framed('pa-', withDigit(word(token, 43))),
  'Jina key': framed('jina_', word(alnum, 60)),
  'Luma key': framed('luma-', withDigit(word(token, 60))),
  'Black Forest Labs key': framed('bfl_', word(alnum, 40)),
  'fal key': fc
    .tuple(word(hex, 8), word(hex, 4), word(hex, 12), word(hex, 32))
    .map(([a, b, c, d]) => `${a}-${b}-${b}-${b}-${c}:${d}`),
  'Google access token': framed('ya29.', word(`${token}.`, 120)),
  'Fireworks key': framed('fw_', withDigit(word(alnum, 24))),
  'Databricks token': framed('dapi', word(hex, 32), '-2'),
  'PhotoRoom key': fc
    .tuple(withDigit(word(alnum, 30)), word(hex, 40))
    .map(([a, b]) => `sandbox_sk_pr_${a}_${b}`),
  'LangSmith key': fc.tuple(word(hex, 32), word(hex, 10)).map(([a, b]) => `lsv2_pt_${a}_${b}`),
  'Langfuse key': framed('sk-lf-', word(`${hex}-`, 36)),
  'Stripe key': framed('sk_live_51', word(alnum, 97)),
  'Stripe restricted key': framed('rk_test_51', word(alnum, 97)),
  'Stripe webhook secret': framed('whsec_', word(alnum, 32)),
  'webhook secret in base64': framed('whsec_', word(`${alnum}+/`, 43), '='),
  'xAI management key': framed('xai-token-', withDigit(word(alnum, 60))),
  'Vault token': framed('hvs.', word(token, 24)),
  'GitHub token': framed('ghp_', word(alnum, 36)),
  'GitHub fine-grained token': framed('github_pat_', word(`${alnum}_`, 82)),
  'Slack token': framed('xoxb-', word(`${digits}-`, 24), 'abcdefgh1234'),
  'SendGrid key': framed('SG.', word(`${token}.`, 66)),
  'Azure storage key': framed('AccountKey=', word(`${alnum}+/`, 86), '=='),
  'access token of ours': framed('aik_', word(alnum, 36)),
}

/** No stretch of the secret that is long enough to be of use may stay. */
const leaks = (text: string, secret: string, stretch = 12): boolean => {
  for (let i = 0; i + stretch <= secret.length; i++) {
    if (text.includes(secret.slice(i, i + stretch))) return true
  }
  return false
}

// What may stand beside a secret without being part of its alphabet.
const beside = fc.constantFrom(
  '',
  ' ',
  '"',
  "'",
  '\n',
  '(',
  ': ',
  '{"error":"',
  ', ',
  'key=',
  '\\"',
  '<',
  'ключ ',
)

describe('a secret of a known shape never stays', () => {
  test.each(Object.keys(shapes))('%s', (name) => {
    fc.assert(
      fc.property(shapes[name] ?? fc.constant(''), beside, beside, (secret, before, after) => {
        expect(leaks(redactSecrets(before + secret + after), secret)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})

describe('an exact secret never stays, whatever its shape and the text around it', () => {
  const secrets = fc.oneof(word(token, 8, 80), fc.string({ minLength: 8, maxLength: 60, unit: 'grapheme' }))
  const hide: Record<string, (secret: string) => string> = {
    raw: (s) => s,
    'in a JSON string': (s) => JSON.stringify(s).slice(1, -1),
    base64: (s) => Buffer.from(s).toString('base64'),
    base64url: (s) => Buffer.from(s).toString('base64url'),
    'in Basic credentials': (s) => Buffer.from(`a:${s}`).toString('base64'),
    hex: (s) => Buffer.from(s).toString('hex'),
    'upper-case hex': (s) => Buffer.from(s).toString('hex').toUpperCase(),
    'URL-encoded': (s) => encodeURIComponent(s.toWellFormed()),
    'form-encoded': (s) => new URLSearchParams({ a: s }).toString().slice(2),
  }
  test.each(Object.keys(hide))('%s', (name) => {
    fc.assert(
      fc.property(secrets, fc.string(), fc.string(), (secret, before, after) => {
        const form = hide[name]?.(secret) ?? ''
        const found = name.includes('Basic') ? form.slice(4, -4) : form
        expect(redactSecrets(before + form + after, [secret])).not.toContain(found)
      }),
      { numRuns: 150 },
    )
  })

  test('nor does a beginning of it that the text was cut at', () => {
    fc.assert(
      fc.property(word(alnum, 12, 60), fc.integer({ min: 6, max: 59 }), (secret, length) => {
        const cut = secret.slice(0, Math.min(length, secret.length - 1))
        expect(redactSecrets(`upstream said: ${cut}`, [secret])).not.toContain(cut)
      }),
    )
  })
})

describe('time is linear', () => {
  const hostile: Record<string, string> = {
    'one letter': 'a',
    'a prefix again and again': 'sk-',
    'a JWT head again and again': 'eyJ',
    'PEM heads without ends': '-----BEGIN RSA PRIVATE KEY-----',
    'header names': 'authorization: "',
    'named values': 'api_key:,',
    'query names': '?key=&key=%',
    addresses: 'https://u:p',
    'Azure marks': 'JQQJ99Q~T3BlbkFJ ',
    'quoted secrets': '"secret":"',
    'quoted names': '"token\\\\\\"  :  ',
    'storage keys': 'AccountKey=',
    'signed addresses': '&x-amz-signature=',
    'spaces and quotes': '\\\\\\" \t =',
  }
  test.each(Object.keys(hostile))('%s', (name) => {
    const text = (hostile[name] ?? '').repeat(1_000_000).slice(0, 1_000_000)
    // Periodic with a late mismatch: what makes naive searches quadratic.
    const secrets = [`${'a'.repeat(4000)}b`, `${(hostile[name] ?? '').repeat(300)}!`]
    const startedAt = performance.now()
    redactSecrets(text, secrets)
    // About 0.3 s on one slow core; a quadratic step over a million characters takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(40_000)
  })
})
