export const passwordLength = { least: 12, most: 256 } as const

/**
 * Passwords that are long enough and still among the first that are tried: one thing repeated, a row of keys, the words of
 * this product or its owner with nothing but digits and marks around them. NIST SP 800-63B §3.1.1.2 asks for this list.
 */
const productWords = [
  'aideon',
  'aideonkeys',
  'password',
  'passwort',
  'administrator',
  'admin',
  'welcome',
  'letmein',
  'changeme',
  'iloveyou',
  'qwerty',
  'qwertz',
  'secret',
  'default',
  'master',
]
const rows = [
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'q1w2e3r4t5y6u7i8o9p0',
]

export type Obvious = keyof typeof obviousBecause
export const obviousBecause = {
  few: 'it has fewer than four different characters',
  repeated: 'it repeats itself',
  row: 'it is a row of neighbouring keys, letters or digits',
  words: 'it is made of your name, your e-mail address or words that everybody takes',
} as const

/** Null: it is not. */
export const whyObvious = (password: string, owner?: PasswordOwner): Obvious | null => {
  const plain = password.normalize('NFKC').toLowerCase()
  if (new Set(plain).size < 4) return 'few'
  if (isRepeated(plain)) return 'repeated'
  if (isRow(plain)) return 'row'
  return isMadeOf(plain, [...productWords, ...wordsOf(owner)]) ? 'words' : null
}

export interface PasswordOwner {
  readonly email: string
  readonly name: string
}

export type PasswordAdvice =
  | { readonly kind: 'short'; readonly missing: number }
  | { readonly kind: 'obvious'; readonly because: Obvious }
  | { readonly kind: 'fair' | 'good' }

/** As one types. What is long and not obvious is good: marks and digits that a rule asks for are guessed first (NIST SP 800-63B). */
export const adviceOn = (password: string, owner?: PasswordOwner): PasswordAdvice => {
  const missing = passwordLength.least - password.length
  if (missing > 0) return { kind: 'short', missing }
  const because = whyObvious(password, owner)
  if (because !== null) return { kind: 'obvious', because }
  return { kind: password.length < goodLength ? 'fair' : 'good' }
}
const goodLength = 16

/** Two of the same, three of the same, …, with the last one cut off: `abcabcabcab`. */
const isRepeated = (text: string): boolean => {
  for (let length = 1; length <= 6; length++)
    if (
      text ===
      text
        .slice(0, length)
        .repeat(Math.ceil(text.length / length))
        .slice(0, text.length)
    )
      return true
  return false
}

const isRow = (text: string): boolean =>
  rows.some((row) => {
    const round = row.repeat(3)
    return round.includes(text) || round.split('').toReversed().join('').includes(text)
  })

const wordsOf = (owner: PasswordOwner | undefined): string[] =>
  owner === undefined
    ? []
    : `${owner.email} ${owner.name}`
        .normalize('NFKC')
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word.length >= 3)

/** Nothing is left but digits and marks once these words are taken out; `a` stands for `@`, `o` for `0`. */
const isMadeOf = (text: string, words: readonly string[]): boolean => {
  const letters = text.replaceAll('@', 'a').replaceAll('0', 'o').replaceAll('$', 's').replaceAll('1', 'i')
  return [text, letters].some((form) => {
    const rest = [...words]
      .sort((one, other) => other.length - one.length)
      .reduce((left, word) => left.replaceAll(word, ' '), form)
    return rest !== form && !/\p{L}{2}/u.test(rest)
  })
}
