import { measureInput, type InputUsage } from './anthropic-usage.ts'
import { type Directives, readDirectives } from './directives.ts'
import { isRecord, type Refusal, shown } from './exchange.ts'
import { bedrockModels, type BedrockModel } from './models.ts'
import type { PromptCache } from './prompt-cache.ts'
import { asTools, type Question } from './reply.ts'
import { digestOf } from './text.ts'

type Fields = Record<string, unknown>

export const invalid = (message: string): Refusal => ({ status: 400, type: 'ValidationException', message })

const fields = [
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'guardrailConfig',
  'additionalModelRequestFields',
  'additionalModelResponseFieldPaths',
  'promptVariables',
  'requestMetadata',
  'performanceConfig',
  'serviceTier',
  'outputConfig',
]
const blockFields = [
  'text',
  'image',
  'document',
  'video',
  'audio',
  'toolUse',
  'toolResult',
  'guardContent',
  'cachePoint',
  'reasoningContent',
  'citationsContent',
  'searchResult',
]

export interface ConverseRequest {
  readonly model: BedrockModel
  readonly directives: Directives
  readonly question: Question
  readonly usage: InputUsage
}

/** With or without the prefix of a cross-region profile. */
export const findBedrockModel = (id: string): BedrockModel | undefined =>
  bedrockModels.find(
    (m) => m.id === id || m.id === id.replace(/^(?:us|eu|apac|jp|au|ca|global|us-gov)\./, ''),
  )

export const readConverse = (
  body: Fields,
  model: BedrockModel,
  account: string,
  cache: PromptCache,
): ConverseRequest | Refusal => {
  const stranger = Object.keys(body).find((name) => !fields.includes(name))
  if (stranger) return invalid(`The request is not valid: unexpected field '${stranger}'.`)
  const refusal =
    checkMessages(body) ??
    checkInference(body['inferenceConfig'], model) ??
    checkToolConfig(body) ??
    checkExtra(body, model)
  if (refusal) return refusal
  const messages = messagesOf(body)
  const system = blocksOf(body['system'])
  const directives = readDirectives(
    [system, ...messages.map((m) => blocksOf(m['content']))].map(textOf).join('\n'),
  )
  if ('unknown' in directives)
    return invalid(`The simulator does not know the directive “${directives.unknown}”.`)
  const usage = measureInput(
    {
      tools: marked(blocksOf(isRecord(body['toolConfig']) ? body['toolConfig']['tools'] : [])),
      system: marked(system),
      messages: messages.map((m) => ({ role: m['role'], content: marked(blocksOf(m['content'])) })),
    },
    model,
    account,
    cache,
  )
  if ('status' in usage) return invalid(usage.message)
  return { model, directives, usage, question: questionOf(body, model, messages, directives) }
}

const messagesOf = (body: Fields): Fields[] =>
  Array.isArray(body['messages']) ? body['messages'].filter(isRecord) : []
const blocksOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : [])
const textOf = (blocks: readonly Fields[]): string =>
  blocks
    .map((block) => (typeof block['text'] === 'string' ? block['text'] : ''))
    .filter((text) => text !== '')
    .join('\n')

/** A cache point marks everything before it, as Anthropic's mark on the block before does. */
const marked = (blocks: readonly Fields[]): Fields[] => {
  const out: Fields[] = []
  for (const block of blocks) {
    const point = block['cachePoint']
    const last = out.at(-1)
    if (!isRecord(point)) out.push(block)
    else if (last) last['cache_control'] = { type: 'ephemeral', ...(point['ttl'] === '1h' && { ttl: '1h' }) }
  }
  return out
}

const checkMessages = (body: Fields): Refusal | null => {
  const messages = body['messages']
  if (!Array.isArray(messages) || messages.length === 0)
    return invalid(
      "1 validation error detected: Value at 'messages' failed to satisfy constraint: Member must not be null",
    )
  for (const [index, message] of messages.entries()) {
    const refusal = checkMessage(message, index)
    if (refusal) return refusal
    const role = message.role
    if (index === 0 && role !== 'user')
      return invalid(
        'A conversation must start with a user message. Try again with a conversation that starts with a user message.',
      )
    if (index > 0 && messages[index - 1].role === role)
      return invalid(
        `A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.`,
      )
  }
  return checkToolOrder(messagesOf(body))
}

const checkMessage = (message: unknown, index: number): Refusal | null => {
  if (!isRecord(message)) return invalid(`messages.${index}: expected an object`)
  if (message['role'] !== 'user' && message['role'] !== 'assistant')
    return invalid(
      `1 validation error detected: Value '${shown(message['role'])}' at 'messages.${index + 1}.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]`,
    )
  const content = message['content']
  if (!Array.isArray(content) || content.length === 0)
    return invalid(
      `The content field in the Message object at messages.${index} is empty. Add a ContentBlock object to the content field and try again.`,
    )
  for (const [position, block] of content.entries()) {
    const at = `messages.${index}.content.${position}`
    const names = isRecord(block) ? Object.keys(block) : []
    const [name = ''] = names
    if (!isRecord(block) || names.length !== 1 || !blockFields.includes(name))
      return invalid(
        `The value at ${at} is not valid: ContentBlock object must set one of the following keys: ${blockFields.join(', ')}.`,
      )
    if (name === 'text' && (typeof block['text'] !== 'string' || block['text'].trim() === ''))
      return invalid(
        `The text field in the ContentBlock object at ${at} is blank. Add text to the text field, and try again.`,
      )
    const refusal = name === 'image' ? checkImage(block['image'], at) : null
    if (refusal) return refusal
  }
  return null
}

const checkImage = (image: unknown, at: string): Refusal | null => {
  const source = isRecord(image) ? image['source'] : undefined
  if (!isRecord(image) || !['png', 'jpeg', 'gif', 'webp'].includes(shown(image['format'])))
    return invalid(`The format field at ${at}.image is not valid.`)
  const bytes = isRecord(source) ? source['bytes'] : undefined
  return typeof bytes === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(bytes)
    ? null
    : invalid(`The image at ${at} could not be read.`)
}

const idsOf = (message: Fields | undefined, kind: string): string[] =>
  blocksOf(message?.['content'])
    .map((block) => block[kind])
    .filter(isRecord)
    .map((inner) => shown(inner['toolUseId']))

const checkToolOrder = (messages: readonly Fields[]): Refusal | null => {
  for (const [index, message] of messages.entries()) {
    const asked = idsOf(messages[index - 1], 'toolUse')
    const results = idsOf(message, 'toolResult')
    const left = asked.find((id) => !results.includes(id))
    if (left)
      return invalid(`Expected toolResult blocks at messages.${index}.content for the following Ids: ${left}`)
    const stray = results.find((id) => !asked.includes(id))
    if (stray)
      return invalid(
        `The number of toolResult blocks at messages.${index}.content exceeds the number of toolUse blocks of previous turn.`,
      )
  }
  return null
}

const checkInference = (config: unknown, model: BedrockModel): Refusal | null => {
  if (config === undefined) return null
  if (!isRecord(config)) return invalid('inferenceConfig: expected an object')
  const stranger = Object.keys(config).find(
    (name) => !['maxTokens', 'temperature', 'topP', 'stopSequences'].includes(name),
  )
  if (stranger) return invalid(`The request is not valid: unexpected field '${stranger}' in inferenceConfig.`)
  const { maxTokens, temperature, topP } = config
  if (maxTokens !== undefined && (!Number.isInteger(maxTokens) || Number(maxTokens) < 1))
    return invalid(
      "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1",
    )
  if (Number(maxTokens ?? 0) > model.outputTokens)
    return invalid(
      `The maximum tokens you requested exceeds the model limit of ${model.outputTokens}. Try again with a maximum tokens value that is lower than ${model.outputTokens}.`,
    )
  for (const [name, value] of Object.entries({ temperature, topP }))
    if (value !== undefined && (typeof value !== 'number' || value < 0 || value > 1))
      return invalid(
        `1 validation error detected: Value '${shown(value)}' at 'inferenceConfig.${name}' failed to satisfy constraint: Member must have value less than or equal to 1`,
      )
  return null
}

const toolsOf = (body: Fields): Fields[] =>
  blocksOf(isRecord(body['toolConfig']) ? body['toolConfig']['tools'] : [])
    .map((tool) => tool['toolSpec'])
    .filter(isRecord)

const checkToolConfig = (body: Fields): Refusal | null => {
  const config = body['toolConfig']
  const mentioned = messagesOf(body).some(
    (m) => idsOf(m, 'toolUse').length + idsOf(m, 'toolResult').length > 0,
  )
  if (config === undefined)
    return mentioned
      ? invalid('The toolConfig field must be defined when using toolUse and toolResult content blocks.')
      : null
  const tools = toolsOf(body)
  if (tools.length === 0)
    return invalid(
      "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1",
    )
  for (const [index, tool] of tools.entries()) {
    if (typeof tool['name'] !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(tool['name']))
      return invalid(
        `Value '${shown(tool['name'])}' at 'toolConfig.tools.${index + 1}.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+`,
      )
    const schema = isRecord(tool['inputSchema']) ? tool['inputSchema']['json'] : undefined
    if (!isRecord(schema) || schema['type'] !== 'object')
      return invalid(
        `The value at toolConfig.tools.${index}.toolSpec.inputSchema.json.type must be one of the following: object.`,
      )
    if (tool['description'] === '')
      return invalid(
        `Value at 'toolConfig.tools.${index + 1}.member.toolSpec.description' failed to satisfy constraint: Member must have length greater than or equal to 1`,
      )
  }
  const choice = isRecord(config) ? config['toolChoice'] : undefined
  if (choice === undefined) return null
  const [kind = ''] = isRecord(choice) ? Object.keys(choice) : []
  return ['auto', 'any', 'tool'].includes(kind)
    ? null
    : invalid('The toolChoice field is not valid: set one of auto, any, tool.')
}

const checkExtra = (body: Fields, model: BedrockModel): Refusal | null => {
  const extra = body['additionalModelRequestFields']
  if (!isRecord(extra)) return null
  const allowed = model.id.startsWith('anthropic.')
    ? ['thinking', 'top_k', 'anthropic_beta', 'output_config', 'tool_choice', 'tools']
    : ['inferenceConfig', 'reasoningConfig', 'topK']
  const stranger = Object.keys(extra).find((name) => !allowed.includes(name))
  return stranger
    ? invalid(`The model returned the following errors: ${stranger}: Extra inputs are not permitted`)
    : null
}

const questionOf = (
  body: Fields,
  model: BedrockModel,
  messages: readonly Fields[],
  directives: Directives,
): Question => {
  const config = isRecord(body['inferenceConfig']) ? body['inferenceConfig'] : {}
  const choice =
    isRecord(body['toolConfig']) && isRecord(body['toolConfig']['toolChoice'])
      ? body['toolConfig']['toolChoice']
      : {}
  const extra = isRecord(body['additionalModelRequestFields']) ? body['additionalModelRequestFields'] : {}
  const thinking = isRecord(extra['thinking']) ? extra['thinking']['type'] : undefined
  const forced = choice['tool']
  return {
    model: model.id,
    seed: digestOf(JSON.stringify(body)),
    prompt: textOf(
      blocksOf(messages.findLast((m) => m['role'] === 'user' && textOf(blocksOf(m['content'])))?.['content']),
    ),
    directives,
    tools: asTools(toolsOf(body), (tool) => ({
      name: shown(tool['name']),
      schema: isRecord(tool['inputSchema']) ? tool['inputSchema']['json'] : {},
    })),
    toolChoice: isRecord(forced)
      ? { name: shown(forced['name']) }
      : choice['any'] !== undefined
        ? 'required'
        : 'auto',
    parallelTools: true,
    lastIsToolResult: idsOf(messages.at(-1), 'toolResult').length > 0,
    schema: schemaOf(extra, body),
    stops: Array.isArray(config['stopSequences']) ? config['stopSequences'].map(String) : [],
    outputLimit: typeof config['maxTokens'] === 'number' ? config['maxTokens'] : model.outputTokens,
    reasoningTokens: thinking === 'enabled' || thinking === 'adaptive' ? 96 : 0,
  }
}

/** A model does what it is told: clients write a schema into the prompt where no field takes it. */
const schemaInWords = (system: string): unknown => {
  const written = /JSON schema:\n(\{.*\})\nYou MUST answer/.exec(system)?.[1]
  return written === undefined ? undefined : JSON.parse(written)
}

/** By Anthropic's own field, or by Bedrock's, where the schema is text. */
const schemaOf = (extra: Fields, body: Fields): unknown => {
  const own = isRecord(extra['output_config']) ? extra['output_config']['format'] : undefined
  if (isRecord(own)) return own['schema']
  const config = isRecord(body['outputConfig']) ? body['outputConfig']['textFormat'] : undefined
  const structure =
    isRecord(config) && isRecord(config['structure']) ? config['structure']['jsonSchema'] : undefined
  if (isRecord(structure)) return JSON.parse(shown(structure['schema']))
  return schemaInWords(textOf(blocksOf(body['system'])))
}
