import { type CompatibleService, embedding, model, nested, plain, reasoning } from './compatible-service.ts'
import { openAiErrorBody } from './openai-errors.ts'

/** Those that make the models they serve. */
export const makers: readonly CompatibleService[] = [
  {
    name: 'mistral',
    imagesAsText: true,
    prefix: '',
    version: '/v1',
    models: [
      model('mistral-small-latest'),
      model('mistral-large-latest'),
      model('ministral-8b-latest'),
      model('mistral-large-2512'),
      model('mistral-small-2603'),
      model('ministral-3b-2512'),
      model('devstral-2512'),
      model('codestral-2508'),
    ],
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
    name: 'xai',
    prefix: '',
    version: '/v1',
    responses: true,
    models: [
      model('grok-4', reasoning),
      model('grok-4-fast-non-reasoning'),
      model('grok-4.6', reasoning),
      model('grok-code-fast-1', reasoning),
      model('grok-3-mini', reasoning),
    ],
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
    models: [
      model('deepseek-chat'),
      model('deepseek-reasoner', reasoning),
      model('deepseek-v4-pro', reasoning),
      model('deepseek-v4-flash'),
    ],
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
    models: [
      model('kimi-k2-0905-preview'),
      model('kimi-latest'),
      model('kimi-k3', reasoning),
      model('kimi-k2.7-code'),
      model('kimi-k2-thinking', reasoning),
    ],
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
