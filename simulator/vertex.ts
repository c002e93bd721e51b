import { handleMessages } from './anthropic.ts'
import { disturb, type Exchange, sendJson } from './exchange.ts'
import { callModel, readBody } from './gemini.ts'
import {
  type GeminiRefusal,
  geminiErrorOf,
  geminiKeyRefusal,
  invalid,
  sendGeminiError,
} from './gemini-errors.ts'
import { vectorOf } from './embeddings.ts'
import { findEmbeddingModel } from './gemini-embeddings.ts'
import { isRecord, shown } from './exchange.ts'
import { bearerOf } from './openai-host.ts'
import { checkAssertion } from './service-account.ts'
import { seededId, tokensOf } from './text.ts'

/** Vertex AI and Google's token endpoint (`/token`), which live on different hosts. */
export const handleVertex = async (exchange: Exchange): Promise<void> => {
  const { path, request } = exchange
  if (path === '/token') return exchangeToken(exchange)
  const [, project, , publisher, model, method] =
    /^\/(?:v1|v1beta1)\/projects\/([^/]+)\/locations\/([^/]+)\/publishers\/(google|anthropic)\/models\/([^/:]+):(\w+)$/.exec(
      path,
    ) ?? []
  const refused = (refusal: GeminiRefusal) => sendGeminiError(exchange, refusal)
  if (!model || !method || request.method !== 'POST') return refused({ status: 404, message: 'Not Found' })
  const secret = accountOf(exchange)
  if (secret === null) return refused(noCredentials(request.headers.authorization !== undefined))
  const used = exchange.state.keys.use('vertex', secret)
  if (!used) return refused(geminiErrorOf(401))
  if (await disturb(exchange, used.behaviour)) return
  const refusal =
    used.behaviour.kind === 'revoked'
      ? geminiErrorOf(401)
      : geminiKeyRefusal(used.behaviour, method !== 'countTokens')
  if (refusal) return refused(refusal)
  if (project !== projectOf(secret))
    return refused({
      status: 403,
      message: `Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/${project}' (or it may not exist).`,
    })
  const body = readBody(exchange)
  if ('status' in body) return refused(body)
  const name = decodeURIComponent(model)
  if (publisher === 'anthropic') return claude(exchange, secret, name, method, body.value)
  return method === 'predict'
    ? predict(exchange, name, body.value)
    : callModel(exchange, { body: body.value, account: secret, model: name, method, vertex: true })
}

const noCredentials = (given: boolean): GeminiRefusal => ({
  ...geminiErrorOf(401),
  details: [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: given ? 'ACCESS_TOKEN_TYPE_UNSUPPORTED' : 'CREDENTIALS_MISSING',
      domain: 'googleapis.com',
      metadata: { service: 'aiplatform.googleapis.com' },
    },
  ],
})

/** The service account that the access token was issued for. */
const accountOf = (exchange: Exchange): string | null => {
  const issued = exchange.state.accessTokens.get(bearerOf(exchange) ?? '')
  return issued && issued.until > exchange.state.now() ? issued.secret : null
}

const projectOf = (secret: string): unknown => (JSON.parse(secret) as Record<string, unknown>)['project_id']

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const lifetimeSeconds = 3599

const exchangeToken = async (exchange: Exchange): Promise<void> => {
  const { state, request, body } = exchange
  const refused = (error: string, description: string) =>
    sendJson(exchange, 400, { error, error_description: description })
  if (request.method !== 'POST') return sendJson(exchange, 404, { error: 'not_found' })
  if (!/^application\/x-www-form-urlencoded/i.test(request.headers['content-type'] ?? ''))
    return refused('invalid_request', 'Required parameter is missing: grant_type')
  const form = new URLSearchParams(body.toString('utf8'))
  if (form.get('grant_type') !== grantType) return refused('unsupported_grant_type', 'Invalid grant_type')
  const checked = checkAssertion(form.get('assertion') ?? '', state.keys.secretsOf('vertex'), state.now())
  if ('refused' in checked) return refused('invalid_grant', checked.refused)
  const used = state.keys.use('vertex', checked.secret)
  if (!used || used.behaviour.kind === 'revoked') return refused('invalid_grant', 'Invalid JWT Signature.')
  if (await disturb(exchange, used.behaviour)) return
  const token = seededId('ya29.demo-not-a-real-token-', String(exchange.entry.number), 40)
  state.accessTokens.set(token, { secret: checked.secret, until: state.now() + lifetimeSeconds * 1000 })
  sendJson(exchange, 200, { access_token: token, expires_in: lifetimeSeconds, token_type: 'Bearer' })
}

/** Claude by Google: Anthropic's body without its model, with a version in the body instead of a header. */
const claude = async (
  exchange: Exchange,
  secret: string,
  model: string,
  method: string,
  body: Record<string, unknown>,
): Promise<void> => {
  const streamed = method === 'streamRawPredict'
  if (!streamed && method !== 'rawPredict')
    return sendGeminiError(exchange, { status: 404, message: 'Not Found' })
  const { anthropic_version: version, ...rest } = body
  if (version !== 'vertex-2023-10-16')
    return sendGeminiError(exchange, invalid(`anthropic_version: "${shown(version)}" is not a valid version`))
  if (rest['model'] !== undefined)
    return sendGeminiError(exchange, invalid('model: Extra inputs are not permitted'))
  exchange.entry.model = model
  // `claude-haiku-4-5@20251001`
  return handleMessages(exchange, secret, {
    ...rest,
    model: model.replace('@', '-'),
    ...(streamed && { stream: true }),
  })
}

/** Embeddings in Vertex AI's older shape. */
const predict = (exchange: Exchange, name: string, body: Record<string, unknown>): void => {
  const model = findEmbeddingModel(name)
  exchange.entry.model = name
  if (!model)
    return sendGeminiError(exchange, {
      status: 404,
      message: `Publisher Model \`${name}\` was not found or your project does not have access to it.`,
    })
  const instances = Array.isArray(body['instances']) ? body['instances'].filter(isRecord) : []
  if (instances.length === 0 || instances.some((instance) => typeof instance['content'] !== 'string'))
    return sendGeminiError(
      exchange,
      invalid('Invalid instances: string_value or struct_value with content is required'),
    )
  const parameters = isRecord(body['parameters']) ? body['parameters'] : {}
  const dimensions = Number(parameters['outputDimensionality'] ?? model.dimensions)
  const predictions = instances.map((instance) => {
    const text = shown(instance['content'])
    return {
      embeddings: {
        values: vectorOf(name, text, dimensions),
        statistics: { token_count: tokensOf(text).length, truncated: false },
      },
    }
  })
  sendJson(exchange, 200, {
    predictions,
    metadata: {
      billableCharacterCount: instances.map((i) => shown(i['content']).length).reduce((a, b) => a + b, 0),
    },
  })
}
