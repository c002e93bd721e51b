import type { ChatUsage } from './chat-reply.ts'
import type { Refusal } from './exchange.ts'
import type { ServiceName } from './keys.ts'
import type { EmbeddingModel, SimulatedModel } from './models.ts'
import { openAiErrorBody } from './openai-errors.ts'
import type { Medium } from './openai-host.ts'

/** Services that speak OpenAI's chat completions, and what is different at each: data for `openai-compatible.ts`. */
export interface CompatibleService {
  readonly name: CompatibleName
  /** Before `/v1`, at the service's own host; an address of the simulator may leave it out. */
  readonly prefix: string
  /** `/v1`, or nothing. */
  readonly version: string
  readonly models: readonly SimulatedModel[]
  readonly embeddingModels?: readonly EmbeddingModel[]
  readonly mediaModels?: Readonly<Partial<Record<Medium, readonly string[]>>>
  /** Speaks the Responses API as well. */
  readonly responses?: true
  /** The whole path of Anthropic's messages, of those that speak them. */
  readonly messagesPath?: string
  /** A GET that proves a key, and its reply; absent: the list of models. */
  readonly proof?: { readonly path: string; readonly reply: object }
  /** The list of models needs no key, and proves none. */
  readonly publicModels?: true
  /** Parameters beyond OpenAI's (whatever they hold), and those it does not take; `refuses` answers 422. */
  readonly accepts?: readonly string[]
  readonly refuses?: readonly string[]
  /** Takes the address of an image as text, too. */
  readonly imagesAsText?: true
  /** Unknown parameters are ignored. */
  readonly lenient: boolean
  /** Where streams report usage: when asked, in the last chunk always, or in each. */
  readonly streamUsage: 'asked' | 'last' | 'each'
  readonly usage?: (usage: ChatUsage) => object
  readonly errorBody: (refusal: Refusal) => unknown
  readonly errors?: Readonly<Record<number, string | Partial<Refusal>>>
  /** Fields of replies beyond OpenAI's. */
  readonly extra?: object
}

export type CompatibleName = Extract<
  ServiceName,
  | 'mistral'
  | 'groq'
  | 'xai'
  | 'deepseek'
  | 'together'
  | 'fireworks'
  | 'perplexity'
  | 'cerebras'
  | 'huggingface'
  | 'nvidia'
  | 'alibaba'
  | 'moonshot'
>

const model = (id: string, more: Partial<SimulatedModel> = {}): SimulatedModel => ({
  id,
  contextTokens: 131_072,
  outputTokens: 32_768,
  created: 1_750_000_000,
  ...more,
})
const reasoning = { reasoning: true }
const embedding = (id: string, dimensions: number): EmbeddingModel => ({
  id,
  dimensions,
  shortens: true,
  created: 1_750_000_000,
})

/** `{"error": {message, type, …}}` with fields of its own. */
const nested =
  (fields: (refusal: Refusal) => object) =>
  (refusal: Refusal): unknown => ({ error: { message: refusal.message, ...fields(refusal) } })

const plain = ({ prompt_tokens, completion_tokens, total_tokens }: ChatUsage) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens,
})

export const compatibleServices: readonly CompatibleService[] = [
  {
    name: 'mistral',
    imagesAsText: true,
    prefix: '',
    version: '/v1',
    models: [model('mistral-small-latest'), model('mistral-large-latest'), model('ministral-8b-latest')],
    embeddingModels: [embedding('mistral-embed', 1024)],
    mediaModels: { transcription: ['voxtral-mini-latest'] },
    accepts: ['random_seed', 'safe_prompt', 'prompt_mode', 'document_image_limit', 'document_page_limit'],
    refuses: [
      'seed',
      'stream_options',
      'max_completion_tokens',
      'logprobs',
      'top_logprobs',
      'user',
      'logit_bias',
      'store',
      'service_tier',
      'verbosity',
    ],
    lenient: false,
    streamUsage: 'last',
    usage: plain,
    errorBody: ({ status, message, type, code }) =>
      status === 401
        ? { detail: 'Unauthorized' }
        : {
            object: 'error',
            message:
              status === 422
                ? {
                    detail: [
                      {
                        type: 'extra_forbidden',
                        loc: ['body', message],
                        msg: 'Extra inputs are not permitted',
                        input: null,
                      },
                    ],
                  }
                : message,
            type: type ?? 'invalid_request_error',
            param: null,
            code: code ?? null,
          },
    errors: {
      402: 'You have exceeded your spending limit.',
      429: { message: 'Requests rate limit exceeded', type: 'rate_limited', code: '1300' },
    },
  },
  {
    name: 'groq',
    prefix: '/openai',
    version: '/v1',
    responses: true,
    models: [
      model('llama-3.3-70b-versatile'),
      model('llama-3.1-8b-instant'),
      model('openai/gpt-oss-120b', reasoning),
    ],
    mediaModels: {
      transcription: ['whisper-large-v3', 'whisper-large-v3-turbo'],
      translation: ['whisper-large-v3'],
      speech: ['playai-tts'],
    },
    accepts: [
      'reasoning_format',
      'include_reasoning',
      'search_settings',
      'documents',
      'citation_options',
      'compound_custom',
      'disable_tool_validation',
    ],
    lenient: false,
    streamUsage: 'asked',
    usage: (usage) => ({
      queue_time: 0.01,
      prompt_time: 0.002,
      completion_time: 0.1,
      total_time: 0.112,
      ...plain(usage),
    }),
    errorBody: nested(({ type, code, param }) => ({
      type: type ?? 'invalid_request_error',
      ...(param && { param }),
      ...(code && { code }),
    })),
    errors: {
      401: { message: 'Invalid API Key', code: 'invalid_api_key' },
      429: {
        message:
          'Rate limit reached for model in organization org_demo on requests per minute (RPM): Limit 30, Used 30, Requested 1.',
        type: 'requests',
        code: 'rate_limit_exceeded',
      },
      498: 'Flex tier capacity exceeded',
    },
    extra: { x_groq: { id: 'req_demo' } },
  },
  {
    name: 'xai',
    prefix: '',
    version: '/v1',
    responses: true,
    models: [model('grok-4', reasoning), model('grok-4-fast-non-reasoning'), model('grok-3-mini', reasoning)],
    mediaModels: { image: ['grok-2-image'] },
    proof: {
      path: '/api-key',
      reply: {
        redacted_api_key: 'xai-...demo',
        user_id: 'demo',
        name: 'demo',
        acls: ['api-key:model:*', 'api-key:endpoint:*'],
        team_id: 'demo',
        team_blocked: false,
        api_key_blocked: false,
        api_key_disabled: false,
      },
    },
    accepts: ['search_parameters', 'deferred'],
    lenient: true,
    streamUsage: 'last',
    // Reasoning is not among the completion tokens, but in the total.
    usage: (usage) => {
      const thought = usage.completion_tokens_details['reasoning_tokens'] ?? 0
      return {
        ...usage,
        completion_tokens: usage.completion_tokens - thought,
        prompt_tokens_details: {
          ...usage.prompt_tokens_details,
          text_tokens: usage.prompt_tokens,
          image_tokens: 0,
        },
        num_sources_used: 0,
      }
    },
    // Text, not an object; a wrong key is a 400.
    errorBody: ({ message, code }) => ({
      code: code ?? 'Client specified an invalid argument',
      error: message,
    }),
    errors: {
      401: {
        status: 400,
        message: 'Incorrect API key provided: xa***00. You can obtain an API key from https://console.x.ai.',
      },
      403: {
        message: 'API key is currently blocked.',
        code: 'The caller does not have permission to execute the specified operation',
      },
      402: {
        status: 429,
        message: 'Your team has either used all available credits or reached its monthly spending limit.',
        code: 'Some resource has been exhausted',
      },
      429: { message: 'Too many requests for team.', code: 'Some resource has been exhausted' },
    },
  },
  {
    name: 'deepseek',
    prefix: '',
    version: '',
    messagesPath: '/anthropic/v1/messages',
    models: [model('deepseek-chat'), model('deepseek-reasoner', reasoning)],
    proof: {
      path: '/user/balance',
      reply: {
        is_available: true,
        balance_infos: [
          { currency: 'USD', total_balance: '110.00', granted_balance: '10.00', topped_up_balance: '100.00' },
        ],
      },
    },
    accepts: ['thinking'],
    lenient: true,
    streamUsage: 'last',
    usage: (usage) => ({
      ...usage,
      prompt_cache_hit_tokens: usage.prompt_tokens_details.cached_tokens,
      prompt_cache_miss_tokens: usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens,
    }),
    errorBody: nested(({ type, code, param }) => ({
      type: type ?? 'invalid_request_error',
      param: param ?? null,
      code: code ?? 'invalid_request_error',
    })),
    errors: {
      401: {
        message: 'Authentication Fails, Your api key: ****0000 is invalid',
        type: 'authentication_error',
      },
      402: { message: 'Insufficient Balance', type: 'unknown_error' },
      429: { message: 'Rate Limit Reached', type: 'rate_limit_error' },
    },
  },
  {
    name: 'together',
    prefix: '',
    version: '/v1',
    models: [
      model('meta-llama/Llama-3.3-70B-Instruct-Turbo'),
      model('deepseek-ai/DeepSeek-V3'),
      model('openai/gpt-oss-20b', reasoning),
    ],
    embeddingModels: [embedding('BAAI/bge-base-en-v1.5', 768)],
    mediaModels: { image: ['black-forest-labs/FLUX.1-schnell'] },
    accepts: [
      'top_k',
      'repetition_penalty',
      'min_p',
      'safety_model',
      'echo',
      'context_length_exceeded_behavior',
      'reasoning',
    ],
    lenient: true,
    streamUsage: 'last',
    usage: (usage) => ({ ...plain(usage), cached_tokens: usage.prompt_tokens_details.cached_tokens }),
    errorBody: (refusal) => ({ id: 'demo', ...openAiErrorBody(refusal) }),
    errors: {
      401: {
        message:
          'Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys.',
        code: 'invalid_api_key',
      },
      402: {
        message: 'Your account has reached its credit limit.',
        type: 'credit_limit',
        code: 'credit_limit',
      },
      429: { message: 'You have reached the rate limit specific to this model.', type: 'model_rate_limit' },
    },
    extra: { prompt: [] },
  },
  {
    name: 'fireworks',
    prefix: '/inference',
    version: '/v1',
    responses: true,
    messagesPath: '/inference/v1/messages',
    models: [
      model('accounts/fireworks/models/llama-v3p3-70b-instruct'),
      model('accounts/fireworks/models/gpt-oss-120b', reasoning),
    ],
    embeddingModels: [embedding('nomic-ai/nomic-embed-text-v1.5', 768)],
    accepts: [
      'top_k',
      'min_p',
      'repetition_penalty',
      'context_length_exceeded_behavior',
      'prompt_truncate_len',
      'ignore_eos',
      'raw_output',
      'perf_metrics_in_response',
    ],
    lenient: false,
    streamUsage: 'last',
    errorBody: nested(({ type, code }) => ({
      object: 'error',
      type: type ?? 'invalid_request_error',
      code: code ?? 'invalid_request_error',
    })),
    errors: {
      401: { status: 403, message: 'unauthorized', code: 'UNAUTHORIZED' },
      402: {
        status: 412,
        message: 'Account suspended, possibly due to reaching the monthly spending limit.',
        code: 'PRECONDITION_FAILED',
      },
      429: { message: 'rate limit exceeded, please try again later', code: 'RATE_LIMIT_EXCEEDED' },
    },
  },
  {
    name: 'perplexity',
    prefix: '',
    version: '',
    models: [model('sonar'), model('sonar-pro'), model('sonar-reasoning-pro', reasoning)],
    proof: { path: '/async/chat/completions', reply: { requests: [], next_token: null } },
    accepts: [
      'search_domain_filter',
      'search_recency_filter',
      'return_images',
      'return_related_questions',
      'web_search_options',
      'search_mode',
      'top_k',
      'disable_search',
    ],
    lenient: true,
    streamUsage: 'each',
    usage: (usage) => ({
      ...plain(usage),
      search_context_size: 'low',
      num_search_queries: 1,
      cost: { total_cost: 0.006 },
    }),
    errorBody: nested(({ status, type }) => ({ type: type ?? 'bad_request', code: status })),
    errors: {
      401: {
        message: 'Invalid API key provided. You can generate a new API key on the API platform.',
        type: 'invalid_api_key',
      },
      402: {
        status: 401,
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
      },
      429: { message: 'Request rate limit exceeded, please try again later.', type: 'rate_limit_exceeded' },
    },
    extra: {
      citations: ['https://example.com/'],
      search_results: [{ title: 'Example', url: 'https://example.com/', date: null }],
    },
  },
  {
    name: 'cerebras',
    prefix: '',
    version: '/v1',
    models: [model('llama3.1-8b'), model('llama-3.3-70b'), model('gpt-oss-120b', reasoning)],
    accepts: ['disable_reasoning', 'clear_thinking'],
    lenient: false,
    streamUsage: 'last',
    usage: (usage) => ({
      ...plain(usage),
      prompt_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
    }),
    // At the top.
    errorBody: ({ message, type, param, code }) => ({
      message,
      type: type ?? 'invalid_request_error',
      param: param ?? null,
      code: code ?? null,
    }),
    errors: {
      401: { message: 'Wrong API Key', code: 'wrong_api_key' },
      402: { message: 'Payment required.', type: 'payment_required_error', code: 'payment_required' },
      429: {
        message: 'Requests per minute limit exceeded - too many requests sent.',
        type: 'too_many_requests_error',
        code: 'request_quota_exceeded',
      },
    },
    extra: { time_info: { queue_time: 0.001, prompt_time: 0.002, completion_time: 0.01, total_time: 0.013 } },
  },
  {
    name: 'huggingface',
    prefix: '',
    version: '/v1',
    responses: true,
    models: [
      model('meta-llama/Llama-3.3-70B-Instruct'),
      model('Qwen/Qwen3-32B'),
      model('openai/gpt-oss-120b', reasoning),
    ],
    publicModels: true,
    lenient: true,
    streamUsage: 'asked',
    usage: plain,
    errorBody: ({ status, message, type, code }) =>
      status === 400 || status === 404
        ? { error: { message, type: type ?? 'invalid_request_error', param: null, code: code ?? null } }
        : { error: message },
    errors: {
      401: 'Invalid username or password.',
      402: 'You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits.',
      403: 'This authentication method does not have sufficient permissions to call Inference Providers on behalf of user demo',
      429: 'Too Many Requests',
    },
  },
  {
    name: 'nvidia',
    prefix: '',
    version: '/v1',
    models: [
      model('meta/llama-3.3-70b-instruct'),
      model('nvidia/llama-3.1-nemotron-ultra-253b-v1', reasoning),
    ],
    embeddingModels: [embedding('nvidia/nv-embedqa-e5-v5', 1024)],
    publicModels: true,
    accepts: ['chat_template_kwargs', 'top_k', 'min_p', 'nvext', 'input_type', 'truncate'],
    lenient: false,
    streamUsage: 'asked',
    usage: plain,
    // Problem details from the front door, OpenAI's shape from the model.
    errorBody: (refusal) =>
      [401, 402, 403, 404, 429].includes(refusal.status)
        ? { status: refusal.status, title: refusal.type ?? 'Error', detail: refusal.message }
        : {
            error: {
              message: refusal.message,
              type: 'BadRequestError',
              param: refusal.param ?? null,
              code: refusal.status,
            },
          },
    errors: {
      401: { message: 'Authentication failed', type: 'Unauthorized' },
      402: { message: 'You have used up your credits.', type: 'Payment Required' },
      403: { message: 'Authorization failed', type: 'Forbidden' },
      429: { message: 'Too Many Requests', type: 'Too Many Requests' },
    },
  },
  {
    name: 'alibaba',
    prefix: '/compatible-mode',
    version: '/v1',
    messagesPath: '/apps/anthropic/v1/messages',
    models: [model('qwen-plus'), model('qwen-max'), model('qwen3-max'), model('qwq-plus', reasoning)],
    embeddingModels: [embedding('text-embedding-v4', 1024)],
    accepts: [
      'enable_thinking',
      'thinking_budget',
      'enable_search',
      'search_options',
      'top_k',
      'repetition_penalty',
      'translation_options',
      'vl_high_resolution_images',
    ],
    lenient: true,
    streamUsage: 'asked',
    usage: (usage) => ({
      ...plain(usage),
      prompt_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
    }),
    errorBody: (refusal) => ({ ...openAiErrorBody(refusal), request_id: 'demo' }),
    errors: {
      401: {
        message:
          'Incorrect API key provided. For details, see: https://www.alibabacloud.com/help/en/model-studio/error-code#apikey-error',
        code: 'invalid_api_key',
      },
      402: {
        status: 400,
        message: 'Access denied, please make sure your account is in good standing.',
        type: 'Arrearage',
        code: 'Arrearage',
      },
      429: {
        message: 'You exceeded your current requests list.',
        type: 'limit_requests',
        code: 'limit_requests',
      },
    },
  },
  {
    name: 'moonshot',
    prefix: '',
    version: '/v1',
    messagesPath: '/anthropic/v1/messages',
    models: [model('kimi-k2-0905-preview'), model('kimi-latest'), model('kimi-k2-thinking', reasoning)],
    proof: {
      path: '/users/me/balance',
      reply: {
        code: 0,
        data: { available_balance: 49.5, voucher_balance: 46.5, cash_balance: 3 },
        scode: '0x0',
        status: true,
      },
    },
    lenient: true,
    streamUsage: 'asked',
    usage: (usage) => ({ ...plain(usage), cached_tokens: usage.prompt_tokens_details.cached_tokens }),
    errorBody: nested(({ type }) => ({ type: type ?? 'invalid_request_error' })),
    errors: {
      401: { message: 'Invalid Authentication', type: 'invalid_authentication_error' },
      402: {
        status: 429,
        message:
          'Your account is suspended due to insufficient balance, please recharge your account or check your plan and billing details',
        type: 'exceeded_current_quota_error',
      },
      429: {
        message: 'Your account reached max request per minute: 3, please try again after 1 seconds',
        type: 'rate_limit_reached_error',
      },
    },
  },
]
