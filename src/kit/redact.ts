/**
 * Takes secrets out of text before a person, a log or a caller sees it. The set is wider than what recognizes a
 * key (src/services/): a false hit costs a word of an error message, a miss costs a key.
 *
 * Linear in the text: every pattern is a fixed prefix and one character class that either ends the match or fails
 * within a bounded number of characters; whole secrets are found with Knuth-Morris-Pratt. Input is whatever a
 * service or a caller sent.
 */
const mark = '[redacted]'

/** Shorter strings would blank ordinary words; a service key this short is no secret worth the name. */
const minimumExactLength = 6
/** A text that was cut in the middle of a secret ends with this many of its characters, or more. */
const minimumCutLength = 6

export const redactSecrets = (text: string, exact: readonly string[] = []): string =>
  redactNamedValues(redactShapes(redactPem(redactExact(text, exact))))

const redactExact = (text: string, exact: readonly string[]): string => {
  const forms = [...new Set(exact.flatMap(formsOf))].sort((a, b) => b.length - a.length)
  return forms.reduce(redactForm, text)
}

/** How a secret may be written by whoever echoes it. */
const formsOf = (secret: string): string[] => {
  if (secret.length < minimumExactLength) return []
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const url = encodeURIComponent(secret.toWellFormed())
  const formUrl = new URLSearchParams({ '': secret }).toString().slice(1)
  const everyByte = hex.replace(/../g, '%$&')
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    hex,
    hex.toUpperCase(),
    ...[url, formUrl].flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]),
    everyByte,
    everyByte.toUpperCase(),
    ...base64Forms(bytes),
  ].filter((form) => form.length >= minimumExactLength)
}

/**
 * Base64 of text that holds the secret, at each of the three offsets, without the characters at either end that
 * also depend on what stands beside it (`Basic` credentials are `user:secret`).
 */
const base64Forms = (bytes: Buffer): string[] =>
  [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    const from = Math.ceil((offset * 8) / 6)
    const to = Math.floor(((offset + bytes.length) * 8) / 6)
    const core = encoded.slice(from, to)
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
  })

/** Replaces every occurrence of the form, and a beginning of it that the text ends with. */
const redactForm = (text: string, form: string): string => {
  if (!text.includes(form.slice(0, minimumCutLength))) return text
  const failures = failureTable(form)
  const kept: string[] = []
  let copiedTo = 0
  let matched = 0
  for (let i = 0; i < text.length; i++) {
    while (matched > 0 && text[i] !== form[matched]) matched = failures[matched - 1] ?? 0
    if (text[i] === form[matched]) matched++
    if (matched < form.length) continue
    kept.push(text.slice(copiedTo, i + 1 - form.length), mark)
    copiedTo = i + 1
    matched = 0
  }
  if (matched < minimumCutLength) matched = 0
  kept.push(text.slice(copiedTo, text.length - matched), matched > 0 ? mark : '')
  return kept.join('')
}

const failureTable = (form: string): Int32Array => {
  const failures = new Int32Array(form.length)
  for (let i = 1, matched = 0; i < form.length; i++) {
    while (matched > 0 && form[i] !== form[matched]) matched = failures[matched - 1] ?? 0
    if (form[i] === form[matched]) matched++
    failures[i] = matched
  }
  return failures
}

/** PEM blocks whole; one without an end is cut off there, so everything after its beginning goes. */
const redactPem = (text: string): string => {
  const kept: string[] = []
  let at = 0
  for (let begin = text.indexOf('-----BEGIN '); begin >= 0; begin = text.indexOf('-----BEGIN ', at)) {
    kept.push(text.slice(at, begin), mark)
    const end = text.indexOf('-----END ', begin)
    const close = end < 0 ? -1 : text.indexOf('-----', end + 9)
    at = close < 0 ? text.length : close + 5
  }
  kept.push(text.slice(at))
  return kept.join('')
}

// Prefixes as of the detector rules and provider pages of 2026. `*`: services echo half-masked keys.
const strongPrefixes = [
  '(?:sk-(?:ant|proj|svcacct|service|admin|or|lf)-|pk-lf-|gsk_|pplx-|nvapi-|tgp_v1_|lsv2_|api_org_|jina_|bfl_|csk-|aik_|[sr]k_(?:live|test)_)[A-Za-z0-9_*-]{6,}',
  // Base64, of which + and / are a part.
  '(?:whsec_|AccountKey=|SharedAccessKey=)[A-Za-z0-9+/=_*-]{6,}',
  // Of other tools: people paste the wrong thing, and their keys are no less theirs.
  '(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|npm_|hv[sbr]\\.|dop_v1_|SG\\.|sntrys_|AGE-SECRET-KEY-1)[A-Za-z0-9_.*-]{16,}',
  'ya29\\.[A-Za-z0-9_.*-]{16,}',
  '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{16,}',
  'AIza[A-Za-z0-9_*-]{16,}',
  'AQ\\.[A-Za-z0-9_.*-]{16,}',
  'eyJ[A-Za-z0-9_.-]{16,}',
  '(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=_-]{16,}',
  '(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{12,}',
  'dapi[0-9a-f]{32}(?:-[0-9])?',
].join('|')
const strong = new RegExp(strongPrefixes, 'g')

/** Short prefixes, `sk-` shared by many services, are also the ends of words: `task-force-management`. */
const weakPrefixes = '(?:(?:sk[-_]|xai-|fw_|hf_|r8_)[A-Za-z0-9_*-]{12,}|(?:pa|luma)-[A-Za-z0-9_*-]{30,})'
/** One pass, so that nothing inside a key is taken for the beginning of another and the rest of it left. */
const prefixed = new RegExp(`${strongPrefixes}|(${weakPrefixes})`, 'g')

const redactShapes = (text: string): string =>
  redactMarked(text).replace(prefixed, (found, weak: string | undefined, at: number, whole: string) =>
    weak && /[A-Za-z]/.test(whole[at - 1] ?? '') && !/[A-Za-z0-9]{20}/.test(weak)
      ? weak.replace(strong, mark)
      : mark,
  )

/** Keys that are told by their middle: OpenAI, Azure, Entra client secrets. */
const redactMarked = (text: string): string =>
  /T3BlbkFJ|JQQJ99|Q~/.test(text)
    ? text.replace(/[A-Za-z0-9_~.-]+/g, (run) =>
        run.length > 32 && /T3BlbkFJ|JQQJ99|\dQ~/.test(run) ? mark : run,
      )
    : text

const space = '[ \\t]{0,3}'
const quote = '(?:\\\\{0,3}["\'])?'
/** Between a name and its value in HTTP, JSON (also inside a JSON string), YAML, and lists of raw headers. */
const between = `${quote}${space}[:=,]${space}${quote}`

const headerValue = new RegExp(`((?:proxy-)?authorization|set-cookie|cookie)(${between})[^"'\\r\\n]+`, 'gi')

const namedValue = new RegExp(
  `((?:x-|xi-|x-goog-)?api[-_]?key|x-key|mj-api-secret|secret[-_]?(?:access[-_]?)?key|client[-_]?secret|` +
    `(?:access|refresh|id|auth|session|security|vault|secret)[-_]token|private[-_]key|(?:master|account|admin|shared)[-_]?key|` +
    `webhook[-_]?secret|pass(?:word|wd|phrase))(${between})` +
    // Names of master keys are told; they open nothing.
    `(?!mk_)(?:(?:bearer|basic|token) )?[^\\s"',;&<>{}[\\]()]{6,}`,
  'gi',
)

const queryValue =
  /([?&]|%3F|%26)(key|api[-_]?key|apikey|(?:access|id|refresh|csrf)_token|token|auth|code|sig|(?:x-(?:amz|goog|ms)-)?(?:signature|credential|security-token)|secret|client_secret|password)(=|%3D)[^&\s"'<>#%]+(?:%(?!26)[^&\s"'<>#%]*)*/gi

/** `Bearer …` wherever it stands, and the password in `scheme://user:password@host`. */
const bearer = /\b(bearer|basic) [A-Za-z0-9._~+/=-]{12,}/gi
const userInfo = /(:\/\/[^\s/:@"'<>]{0,128}:)[^\s/@"'<>]{1,256}@/g

/** Fields whose name says secret and whose value is long enough to be one; shorter ones are words. */
const quotedSecret =
  /(["'](?:secret|token|credentials?|assertion)\\{0,3}["']\s{0,3}:\s{0,3}\\{0,3}["'])[^"'\\\s]{16,}/gi

const redactNamedValues = (text: string): string =>
  text
    .replace(headerValue, `$1$2${mark}`)
    .replace(namedValue, `$1$2${mark}`)
    .replace(queryValue, `$1$2$3${mark}`)
    .replace(quotedSecret, `$1${mark}`)
    .replace(bearer, `$1 ${mark}`)
    .replace(userInfo, `$1${mark}@`)
