import type { JSONSchema7, LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import {
  type AssistantPart,
  type Call,
  makePrompt,
  noWishes,
  type PromptBuilder,
  type Settings,
  type ToolOutput,
  type ToolResult,
  type UserPart,
} from './call.ts'
import { applyFields, type Fields, onlyAs, refused } from './fields.ts'
import { inCamelCase, schemaFromGoogle } from './google-json.ts'
import { fileFromBase64, fileFromUrl } from './media.ts'
import { malformed, type Notes, refuse } from './notes.ts'
import {
  isEmpty,
  type Json,
  readArguments,
  readFlag,
  readItems,
  readJson,
  readNumber,
  readOptionalJson,
  readOptionalText,
  readText,
  readTexts,
} from './read.ts'
import { effortOf, effortOfTokens } from './settings.ts'
import { openThought, withGoogleSignature } from './thoughts.ts'

/** https://ai.google.dev/api/generate-content; proto JSON takes names in snake_case as well. */
export const geminiFields: Fields = {
  model: 'carried',
  contents: 'carried',
  systemInstruction: 'carried',
  tools: 'carried',
  toolConfig: 'carried',
  generationConfig: 'carried',
  cachedContent: refused('Cached contents are at the service that stores them.'),
  safetySettings: 'listed',
  labels: 'listed',
  serviceTier: 'listed',
  store: onlyAs([false], 'listed'),
}

export const generationFields: Fields = {
  maxOutputTokens: 'carried',
  temperature: 'carried',
  topP: 'carried',
  topK: 'carried',
  presencePenalty: 'carried',
  frequencyPenalty: 'carried',
  stopSequences: 'carried',
  seed: 'carried',
  responseMimeType: 'carried',
  responseSchema: 'carried',
  responseJsonSchema: 'carried',
  thinkingConfig: 'carried',
  candidateCount: onlyAs([1], refused('Only one candidate can be asked of this service.')),
  responseLogprobs: onlyAs([false], refused('This service gives no log probabilities.')),
  logprobs: refused('This service gives no log probabilities.'),
  responseModalities: (value) =>
    Array.isArray(value) && value.every((item) => String(item).toUpperCase() === 'TEXT')
      ? 'carried'
      : refused('Only text can be asked of this service here.'),
  speechConfig: refused('Only text can be asked of this service here.'),
  imageConfig: refused('Only text can be asked of this service here.'),
  mediaResolution: 'listed',
  enableEnhancedCivicAnswers: 'listed',
  audioTimestamp: 'listed',
}

export const fromGemini = (raw: Json, notes: Notes): Call => {
  const body = inCamelCase(raw)
  applyFields(body, geminiFields, '', notes)
  const config = inCamelCase(readOptionalJson(body.generationConfig, 'generationConfig') ?? {})
  applyFields(config, generationFields, 'generationConfig.', notes)
  const builder = makePrompt()
  for (const text of systemTexts(body.systemInstruction)) builder.system(text)
  const calls = makeCallIds()
  for (const [content, field] of readItems(body.contents, 'contents'))
    readContent(content, field, builder, calls, notes)
  const { tools, toolChoice } = narrowTools(readTools(body.tools, notes), body.toolConfig)
  const thinking = readThinking(config)
  return {
    prompt: builder.prompt,
    settings: {
      maxOutputTokens: readNumber(config.maxOutputTokens, 'generationConfig.maxOutputTokens'),
      temperature: readNumber(config.temperature, 'generationConfig.temperature'),
      topP: readNumber(config.topP, 'generationConfig.topP'),
      topK: readNumber(config.topK, 'generationConfig.topK'),
      presencePenalty: readNumber(config.presencePenalty, 'generationConfig.presencePenalty'),
      frequencyPenalty: readNumber(config.frequencyPenalty, 'generationConfig.frequencyPenalty'),
      stopSequences: readTexts(config.stopSequences, 'generationConfig.stopSequences'),
      seed: readNumber(config.seed, 'generationConfig.seed'),
      responseFormat: readFormat(config),
      tools,
      toolChoice,
      reasoning: thinking.effort,
    },
    wishes: {
      ...noWishes,
      thinkingTokens: thinking.tokens,
      showsThoughts: thinking.shown,
      strictSchema: true,
    },
  }
}

/** Gemini's calls may have no id: a result then belongs to the first open call of its name. */
const makeCallIds = () => {
  const open: { id: string; name: string }[] = []
  let count = 0
  return {
    called(name: string, given: string | undefined): string {
      const id = given ?? `call_${++count}`
      open.push({ id, name })
      return id
    },
    answered(name: string, given: string | undefined): string | null {
      const at = open.findIndex((call) => (given === undefined ? call.name === name : call.id === given))
      return at === -1 ? null : (open.splice(at, 1)[0]?.id ?? null)
    },
  }
}
type CallIds = ReturnType<typeof makeCallIds>

const systemTexts = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  return readItems(readOptionalJson(value, 'systemInstruction')?.parts, 'systemInstruction.parts').map(
    ([part, field]) => readText(part.text, `${field}.text`),
  )
}

const contentFields: Fields = { role: 'carried', parts: 'carried' }

const readContent = (
  content: Json,
  field: string,
  builder: PromptBuilder,
  calls: CallIds,
  notes: Notes,
): void => {
  applyFields(content, contentFields, `${field}.`, notes)
  const parts = readItems(content.parts, `${field}.parts`).map(
    ([part, at]) => [inCamelCase(part), at] as const,
  )
  for (const [part, at] of parts) applyFields(part, partFields, `${at}.`, notes)
  const role = content.role ?? 'user'
  if (role === 'model') return builder.assistant(parts.map(([part, at]) => modelPart(part, at, calls)))
  if (role !== 'user' && role !== 'function')
    return refuse(`${field}.role`, `${field}.role is not known to the translation.`)
  const isResult = ([part]: readonly [Json, string]) => !isEmpty(part.functionResponse)
  const results = parts.filter(isResult)
  builder.results(results.map(([part, at]) => resultOf(part, at, calls, notes)))
  const others = parts.filter((part) => !isResult(part))
  if (others.length > 0 || results.length === 0)
    builder.user(others.map(([part, at]) => userPart(part, at, notes)))
}

const partFields: Fields = {
  text: 'carried',
  inlineData: 'carried',
  fileData: 'carried',
  functionCall: 'carried',
  functionResponse: 'carried',
  thought: 'carried',
  thoughtSignature: 'carried',
  videoMetadata: 'listed',
  mediaResolution: 'listed',
  partMetadata: 'listed',
  executableCode: refused('Code runs at a service of this dialect only.'),
  codeExecutionResult: refused('Code runs at a service of this dialect only.'),
}

const userPart = (part: Json, field: string, notes: Notes): UserPart => {
  if (part.text !== undefined)
    return notes.place({ type: 'text', text: readText(part.text, `${field}.text`) }, `${field}.text`)
  if (!isEmpty(part.inlineData)) return notes.place(inlineFile(part.inlineData, `${field}.inlineData`), field)
  if (!isEmpty(part.fileData)) {
    const file = inCamelCase(readJson(part.fileData, `${field}.fileData`))
    const mediaType = readOptionalText(file.mimeType, `${field}.fileData.mimeType`)
    const url = fileFromUrl(
      readText(file.fileUri, `${field}.fileData.fileUri`),
      'image/*',
      `${field}.fileData`,
    )
    return notes.place(mediaType === undefined ? url : { ...url, mediaType }, `${field}.fileData`)
  }
  return refuse(field, `${field} is of a type that is not known to the translation.`)
}

const inlineFile = (value: unknown, field: string) => {
  const data = inCamelCase(readJson(value, field))
  const mediaType = readText(data.mimeType, `${field}.mimeType`)
  const filename = readOptionalText(data.displayName, `${field}.displayName`)
  return fileFromBase64(readText(data.data, `${field}.data`), mediaType, field, filename)
}

const modelPart = (part: Json, field: string, calls: CallIds): AssistantPart => {
  const signature = readOptionalText(part.thoughtSignature, `${field}.thoughtSignature`)
  const signed =
    signature === undefined
      ? {}
      : { providerOptions: openThought(signature) ?? withGoogleSignature(signature) }
  if (!isEmpty(part.functionCall)) {
    const call = readJson(part.functionCall, `${field}.functionCall`)
    const toolName = readText(call.name, `${field}.functionCall.name`)
    return {
      type: 'tool-call',
      toolCallId: calls.called(toolName, readOptionalText(call.id, `${field}.functionCall.id`)),
      toolName,
      input: readArguments(call.args, `${field}.functionCall.args`),
      ...signed,
    }
  }
  if (part.text === undefined && signature === undefined)
    return refuse(field, `${field} is of a type that is not known to the translation.`)
  const text = readOptionalText(part.text, `${field}.text`) ?? ''
  return { type: part.thought === true ? 'reasoning' : 'text', text, ...signed }
}

const resultOf = (part: Json, field: string, calls: CallIds, notes: Notes): ToolResult => {
  const at = `${field}.functionResponse`
  const response = readJson(part.functionResponse, at)
  const toolName = readText(response.name, `${at}.name`)
  const toolCallId =
    calls.answered(toolName, readOptionalText(response.id, `${at}.id`)) ??
    malformed(at, 'the response to an earlier functionCall')
  const value = readOptionalJson(response.response, `${at}.response`) ?? {}
  return { type: 'tool-result', toolCallId, toolName, output: outputOf(value, response.parts, at, notes) }
}

const outputOf = (value: Json, parts: unknown, field: string, notes: Notes): ToolOutput => {
  if (isEmpty(parts)) return { type: 'json', value: value as (ToolOutput & { type: 'json' })['value'] }
  const files = readItems(parts, `${field}.parts`).map(([part, at]) =>
    notes.place(inlineFile(inCamelCase(part).inlineData, at), at),
  )
  const content = [{ type: 'text' as const, text: JSON.stringify(value) }, ...files]
  return { type: 'content', value: content }
}

const toolFields: Fields = { functionDeclarations: 'carried' }

const declarationFields: Fields = {
  name: 'carried',
  description: 'carried',
  parameters: 'carried',
  parametersJsonSchema: 'carried',
  response: 'listed',
  responseJsonSchema: 'listed',
  behavior: onlyAs(['BLOCKING', 'UNSPECIFIED'], refused('Calls that do not wait are not translated.')),
}

const readTools = (value: unknown, notes: Notes): LanguageModelV4FunctionTool[] =>
  readItems(value, 'tools').flatMap(([rawTool, field]) => {
    const tool = inCamelCase(rawTool)
    for (const name of Object.keys(tool))
      if (!(name in toolFields))
        refuse(`${field}.${name}`, 'Only functions that the caller runs are translated.')
    return readItems(tool.functionDeclarations, `${field}.functionDeclarations`).map(
      ([rawDeclaration, at]) => {
        const declaration = inCamelCase(rawDeclaration)
        applyFields(declaration, declarationFields, `${at}.`, notes)
        const description = readOptionalText(declaration.description, `${at}.description`)
        const schema = readOptionalJson(declaration.parametersJsonSchema, `${at}.parametersJsonSchema`)
        return {
          type: 'function' as const,
          name: readText(declaration.name, `${at}.name`),
          inputSchema:
            (schema as JSONSchema7) ?? schemaFromGoogle(declaration.parameters, `${at}.parameters`),
          ...(description === undefined ? {} : { description }),
        }
      },
    )
  })

const narrowTools = (
  tools: LanguageModelV4FunctionTool[],
  value: unknown,
): Pick<Settings, 'tools' | 'toolChoice'> => {
  if (tools.length === 0) return {}
  const toolConfig = inCamelCase(readOptionalJson(value, 'toolConfig') ?? {})
  const config = inCamelCase(
    readOptionalJson(toolConfig.functionCallingConfig, 'toolConfig.functionCallingConfig') ?? {},
  )
  const mode = (
    readOptionalText(config.mode, 'toolConfig.functionCallingConfig.mode') ?? 'AUTO'
  ).toUpperCase()
  const names = readTexts(
    config.allowedFunctionNames,
    'toolConfig.functionCallingConfig.allowedFunctionNames',
  )
  const allowed = isEmpty(names) ? tools : tools.filter(({ name }) => names?.includes(name))
  switch (mode) {
    case 'NONE':
      return { tools, toolChoice: { type: 'none' } }
    case 'ANY': {
      const [only] = allowed
      if (allowed.length === 1 && only !== undefined)
        return { tools, toolChoice: { type: 'tool', toolName: only.name } }
      return { tools: allowed, toolChoice: { type: 'required' } }
    }
    case 'AUTO':
    case 'VALIDATED':
    case 'MODE_UNSPECIFIED':
      return { tools: allowed }
    default:
      return refuse('toolConfig.functionCallingConfig.mode', 'This mode is not known to the translation.')
  }
}

const readFormat = (config: Json): Settings['responseFormat'] => {
  const mimeType = readOptionalText(config.responseMimeType, 'generationConfig.responseMimeType')
  if (mimeType === undefined || mimeType === 'text/plain') return undefined
  if (mimeType !== 'application/json')
    return refuse('generationConfig.responseMimeType', 'Only text/plain and application/json are translated.')
  const given = readOptionalJson(config.responseJsonSchema, 'generationConfig.responseJsonSchema')
  if (given !== undefined) return { type: 'json', schema: given as JSONSchema7 }
  if (isEmpty(config.responseSchema)) return { type: 'json' }
  return { type: 'json', schema: schemaFromGoogle(config.responseSchema, 'generationConfig.responseSchema') }
}

const readThinking = (config: Json) => {
  const thinking = inCamelCase(
    readOptionalJson(config.thinkingConfig, 'generationConfig.thinkingConfig') ?? {},
  )
  const shown = readFlag(thinking.includeThoughts, 'generationConfig.thinkingConfig.includeThoughts') === true
  const level = readOptionalText(thinking.thinkingLevel, 'generationConfig.thinkingConfig.thinkingLevel')
  if (level !== undefined && level !== 'THINKING_LEVEL_UNSPECIFIED')
    return { effort: effortOf(level, 'generationConfig.thinkingConfig.thinkingLevel'), tokens: null, shown }
  const budget = readNumber(thinking.thinkingBudget, 'generationConfig.thinkingConfig.thinkingBudget')
  // -1 leaves it to the model, which is what no budget does too.
  if (budget === undefined || budget < 0) return { effort: undefined, tokens: null, shown }
  return { effort: effortOfTokens(budget), tokens: budget, shown }
}
