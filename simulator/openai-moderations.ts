import { readDirectives } from './directives.ts'
import { type Exchange, isRecord, type Refusal, sendJson, shown } from './exchange.ts'
import { type OpenAiHost, refuse } from './openai-host.ts'
import { type Check, checkParameters, missing, text, wrongType } from './openai-params.ts'
import { seededId } from './text.ts'

const categories = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/intent',
  'self-harm/instructions',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
]

const parameters: Readonly<Record<string, Check>> = {
  model: text,
  input: (value, name) =>
    typeof value === 'string' || Array.isArray(value)
      ? null
      : wrongType(name, 'a string or an array of strings or objects', value),
}

/** One result for each text; all parts of a multi-modal input together have one. Texts that say “violence” are flagged. */
export const moderate = (exchange: Exchange, body: Record<string, unknown>, host: OpenAiHost): void => {
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  if (body['input'] === undefined) return refused(missing('input'))
  const refusal = checkParameters(body, parameters, false)
  if (refusal) return refused(refusal)
  const model = shown(body['model'] ?? 'omni-moderation-latest')
  if (!host.mediaModels.moderation?.includes(model)) return refused(host.unknownModel(model))
  const inputs = [body['input']].flat()
  if (inputs.length === 0)
    return refused({
      status: 400,
      message: "Invalid 'input': empty array.",
      param: 'input',
      code: 'empty_array',
    })
  const parts = inputs.filter(isRecord)
  const strange = parts.find((part) => part['type'] !== 'text' && part['type'] !== 'image_url')
  if (strange || (parts.length > 0 && parts.length < inputs.length))
    return refused({
      status: 400,
      message: `Invalid value: '${shown(strange?.['type'])}'. Supported values are: 'text' and 'image_url'.`,
      param: 'input[0].type',
      code: 'invalid_value',
    })
  const texts =
    parts.length > 0 ? [parts.map((part) => shown(part['text'] ?? '')).join('\n')] : inputs.map(shown)
  const directives = readDirectives(texts.join('\n'))
  if (!('unknown' in directives) && directives.error)
    return refused(host.errorOf(directives.error.status, directives.error.retryAfterSeconds))
  const results = texts.map((said) => resultOf(/violence/i.test(said)))
  sendJson(
    exchange,
    200,
    { id: seededId('modr-', shown(body['input']), 32), model, results },
    host.headers(exchange),
  )
}

const resultOf = (flagged: boolean) => {
  const each = <T>(value: (category: string) => T) =>
    Object.fromEntries(categories.map((category) => [category, value(category)]))
  return {
    flagged,
    categories: each((category) => flagged && category === 'violence'),
    category_scores: each((category) => (flagged && category === 'violence' ? 0.97 : 0.0001)),
    category_applied_input_types: each(() => ['text']),
  }
}
