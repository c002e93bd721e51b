import { type Directives, readDirectives } from './directives.ts'
import { isRecord, shown } from './exchange.ts'
import { type GeminiRefusal, invalid } from './gemini-errors.ts'
import { checkContents, type Turn, turnsOf, textOf } from './gemini-contents.ts'
import type { GeminiModel } from './models.ts'
import { asTools, type Question } from './reply.ts'
import { digestOf, tokensOf } from './text.ts'

type Fields = Record<string, unknown>

/** Names of protocol buffer fields are taken in both spellings. */
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const camelled = (value: Fields): Fields =>
  Object.fromEntries(Object.entries(value).map(([name, inner]) => [camel(name), inner]))

export const unknownName = (name: string, at: string): GeminiRefusal =>
  invalid(
    `Invalid JSON payload received. Unknown name "${name}"${at ? ` at '${at}'` : ''}: Cannot find field.`,
  )

/** The value with camelled names, if it has no others. */
const known = (value: unknown, names: readonly string[], at: string): Fields | GeminiRefusal => {
  if (!isRecord(value)) return invalid(`Invalid value at '${at}': expected an object`)
  const fields = camelled(value)
  const stranger = Object.keys(fields).find((name) => !names.includes(name))
  return stranger === undefined ? fields : unknownName(stranger, at)
}

const isRefusal = (value: Fields | GeminiRefusal): value is GeminiRefusal =>
  typeof value['status'] === 'number' && typeof value['message'] === 'string'

export const generateFields = [
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'safetySettings',
  'generationConfig',
  'cachedContent',
  'serviceTier',
  'store',
  'labels',
]
const configFields = [
  'candidateCount',
  'stopSequences',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'seed',
  'presencePenalty',
  'frequencyPenalty',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseModalities',
  'responseLogprobs',
  'logprobs',
  'thinkingConfig',
  'speechConfig',
  'imageConfig',
  'mediaResolution',
  'enableEnhancedCivicAnswers',
  'audioTimestamp',
  'routingConfig',
  'modelSelectionConfig',
]
const toolFields = [
  'functionDeclarations',
  'googleSearch',
  'googleSearchRetrieval',
  'codeExecution',
  'urlContext',
  'googleMaps',
  'fileSearch',
  'computerUse',
  'mcpServers',
  'retrieval',
  'enterpriseWebSearch',
]
/** The OpenAPI subset; full JSON schemas have a field of their own. */
const schemaFields = [
  'type',
  'format',
  'title',
  'description',
  'nullable',
  'enum',
  'maxItems',
  'minItems',
  'properties',
  'required',
  'minProperties',
  'maxProperties',
  'minLength',
  'maxLength',
  'pattern',
  'example',
  'anyOf',
  'propertyOrdering',
  'default',
  'items',
  'minimum',
  'maximum',
]

export interface GeminiRequest {
  readonly model: GeminiModel
  readonly directives: Directives
  readonly question: Question
  readonly promptTokens: readonly string[]
  readonly promptCount: number
  readonly includeThoughts: boolean
}

export const readGenerate = (body: Fields, model: GeminiModel): GeminiRequest | GeminiRefusal => {
  const fields = known(body, generateFields, '')
  if (isRefusal(fields)) return fields
  const config = known(fields['generationConfig'] ?? {}, configFields, 'generation_config')
  if (isRefusal(config)) return config
  const refusal =
    checkContents(fields['contents'], model) ??
    checkConfig(config, model) ??
    checkTools(fields['tools']) ??
    checkToolConfig(fields['toolConfig'])
  if (refusal) return refusal
  if (fields['cachedContent'] !== undefined)
    return { status: 403, message: 'CachedContent not found (or permission denied)' }
  const turns = turnsOf(fields['contents'])
  const system = isRecord(fields['systemInstruction']) ? textOf(fields['systemInstruction']) : ''
  const all = [system, ...turns.map(textOf)].join('\n')
  const directives = readDirectives(all)
  if ('unknown' in directives)
    return invalid(`The simulator does not know the directive “${directives.unknown}”.`)
  const promptTokens = tokensOf((fields['tools'] ? JSON.stringify(fields['tools']) : '') + all)
  const media = turns
    .flatMap((turn) => turn.parts)
    .filter((part) => part['inlineData'] || part['fileData']).length
  const promptCount = promptTokens.length + media * 258
  if (promptCount > model.contextTokens)
    return invalid(
      `The input token count (${promptCount}) exceeds the maximum number of tokens allowed (${model.contextTokens}).`,
    )
  const thinking = isRecord(config['thinkingConfig']) ? camelled(config['thinkingConfig']) : {}
  return {
    model,
    directives,
    question: questionOf(body, fields, config, model, turns, directives),
    promptTokens,
    promptCount,
    includeThoughts: thinking['includeThoughts'] === true,
  }
}

const between = (config: Fields, name: string, low: number, high: number): GeminiRefusal | null => {
  const value = config[name]
  if (value === undefined) return null
  if (typeof value !== 'number')
    return invalid(`Invalid value at 'generation_config.${name}' (TYPE_FLOAT), ${shown(value)}`)
  return value >= low && value <= high
    ? null
    : invalid(
        `* GenerateContentRequest.generation_config.${name}: ${name} must be in the range [${low.toFixed(1)}, ${high.toFixed(1)}].`,
      )
}

const checkConfig = (config: Fields, model: GeminiModel): GeminiRefusal | null => {
  const range =
    between(config, 'temperature', 0, 2) ??
    between(config, 'topP', 0, 1) ??
    between(config, 'candidateCount', 1, 8) ??
    between(config, 'maxOutputTokens', 1, model.outputTokens)
  if (range) return range
  const stops = config['stopSequences']
  if (stops !== undefined && (!Array.isArray(stops) || stops.length > 5))
    return invalid(
      '* GenerateContentRequest.generation_config.stop_sequences: at most 5 stop sequences are allowed.',
    )
  const hasSchema = config['responseSchema'] !== undefined || config['responseJsonSchema'] !== undefined
  const mime = config['responseMimeType']
  if (hasSchema && mime !== 'application/json' && mime !== 'text/x.enum')
    return invalid(
      "* GenerateContentRequest.generation_config.response_mime_type: must be 'application/json' when 'response_schema' is set",
    )
  if (mime !== undefined && !['text/plain', 'application/json', 'text/x.enum'].includes(shown(mime)))
    return invalid(
      '* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`.',
    )
  const thinking = config['thinkingConfig']
  if (thinking !== undefined && !model.reasoning) return invalid('Thinking is not enabled for this model')
  return checkSchema(config['responseSchema'], 'generation_config.response_schema')
}

const checkSchema = (schema: unknown, at: string): GeminiRefusal | null => {
  if (schema === undefined) return null
  const fields = known(schema, schemaFields, at)
  if (isRefusal(fields)) return fields
  if (Array.isArray(fields['type']))
    return invalid(`Invalid value at '${at}.type': Proto field is not repeating, cannot start list.`)
  const inner: [string, unknown][] = [
    ...Object.entries(isRecord(fields['properties']) ? fields['properties'] : {}).map(
      ([name, value]): [string, unknown] => [`${at}.properties[${name}].value`, value],
    ),
    ...(Array.isArray(fields['anyOf'])
      ? fields['anyOf'].map((s, i): [string, unknown] => [`${at}.any_of[${i}]`, s])
      : []),
    [`${at}.items`, fields['items']],
  ]
  for (const [place, value] of inner) {
    const refusal = checkSchema(value, place)
    if (refusal) return refusal
  }
  return null
}

const checkTools = (tools: unknown): GeminiRefusal | null => {
  if (tools === undefined) return null
  if (!Array.isArray(tools)) return invalid("Invalid value at 'tools': expected a list")
  const names = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    const fields = known(tool, toolFields, `tools[${index}]`)
    if (isRefusal(fields)) return fields
    for (const [at, declared] of declarationsOf(fields).entries()) {
      const refusal = checkDeclaration(declared, `tools[${index}].function_declarations[${at}]`)
      if (refusal) return refusal
      const name = shown(declared['name'])
      if (names.has(name)) return invalid(`Duplicate function declaration found: ${name}`)
      names.add(name)
    }
  }
  return null
}

const checkDeclaration = (declared: Fields, at: string): GeminiRefusal | null => {
  const fields = known(
    declared,
    [
      'name',
      'description',
      'parameters',
      'parametersJsonSchema',
      'response',
      'responseJsonSchema',
      'behavior',
    ],
    at,
  )
  if (isRefusal(fields)) return fields
  if (typeof fields['name'] !== 'string' || !/^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/.test(fields['name']))
    return invalid(
      `* GenerateContentRequest.${at}.name: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.`,
    )
  if (fields['parameters'] !== undefined && fields['parametersJsonSchema'] !== undefined)
    return invalid('parameters and parametersJsonSchema are mutually exclusive')
  return checkSchema(fields['parameters'], `${at}.parameters`)
}

const checkToolConfig = (value: unknown): GeminiRefusal | null => {
  if (value === undefined) return null
  const fields = known(
    value,
    ['functionCallingConfig', 'retrievalConfig', 'includeServerSideToolInvocations'],
    'tool_config',
  )
  if (isRefusal(fields)) return fields
  if (!isRecord(fields['functionCallingConfig'])) return null
  const calling = camelled(fields['functionCallingConfig'])
  const mode = shown(calling['mode'] ?? 'AUTO')
  if (!['MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED'].includes(mode))
    return invalid(
      `Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), "${mode}"`,
    )
  return Array.isArray(calling['allowedFunctionNames']) && mode !== 'ANY' && mode !== 'VALIDATED'
    ? invalid(
        'Function calling config is set without function_declarations or `allowed_function_names` should only be set when the mode is ANY or VALIDATED.',
      )
    : null
}

const declarationsOf = (tool: Fields): Fields[] =>
  Array.isArray(tool['functionDeclarations']) ? tool['functionDeclarations'].filter(isRecord) : []

/** Google's schemas write types in capitals; the words of JSON schema are taken as well. */
const lowered = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(lowered)
  if (!isRecord(schema)) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [
      name,
      name === 'type' && typeof value === 'string'
        ? value.toLowerCase()
        : name === 'enum'
          ? value
          : lowered(value),
    ]),
  )
}

const thinkingTokens = (config: Fields, model: GeminiModel): number => {
  if (!model.reasoning) return 0
  const thinking = isRecord(config['thinkingConfig']) ? camelled(config['thinkingConfig']) : {}
  if (thinking['thinkingBudget'] === 0 || shown(thinking['thinkingLevel']).toUpperCase() === 'MINIMAL')
    return 0
  return Math.min(96, Number(thinking['thinkingBudget'] ?? -1) > 0 ? Number(thinking['thinkingBudget']) : 96)
}

const questionOf = (
  body: Fields,
  fields: Fields,
  config: Fields,
  model: GeminiModel,
  turns: readonly Turn[],
  directives: Directives,
): Question => {
  const calling = isRecord(fields['toolConfig'])
    ? camelled(fields['toolConfig'])['functionCallingConfig']
    : undefined
  const { mode, allowedFunctionNames: allowed } = isRecord(calling) ? camelled(calling) : {}
  const declared = (Array.isArray(fields['tools']) ? fields['tools'] : [])
    .filter(isRecord)
    .flatMap((tool) => declarationsOf(camelled(tool)))
    .map(camelled)
  const offered = asTools(declared, (tool) => ({
    name: shown(tool['name']),
    schema: lowered(tool['parametersJsonSchema'] ?? tool['parameters']),
  }))
  const schema = config['responseJsonSchema'] ?? config['responseSchema']
  const asksJson = config['responseMimeType'] === 'application/json'
  return {
    model: model.id,
    seed: digestOf(JSON.stringify(body)),
    prompt: textOf(turns.findLast((turn) => turn.role === 'user' && textOf(turn) !== '') ?? { parts: [] }),
    directives,
    tools: Array.isArray(allowed) ? offered.filter((tool) => allowed.includes(tool.name)) : offered,
    toolChoice: mode === 'NONE' ? 'none' : mode === 'ANY' ? 'required' : 'auto',
    parallelTools: true,
    lastIsToolResult: turns.at(-1)?.parts.some((part) => part['functionResponse'] !== undefined) === true,
    schema:
      schema === undefined
        ? asksJson
          ? { type: 'object', properties: { answer: { type: 'string' } } }
          : undefined
        : lowered(schema),
    stops: Array.isArray(config['stopSequences']) ? config['stopSequences'].map(String) : [],
    outputLimit:
      typeof config['maxOutputTokens'] === 'number' ? config['maxOutputTokens'] : model.outputTokens,
    reasoningTokens: thinkingTokens(config, model),
  }
}
