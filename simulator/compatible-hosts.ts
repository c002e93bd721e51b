import { type CompatibleService, embedding, model, nested, plain, reasoning } from './compatible-service.ts'
import { openAiErrorBody } from './openai-errors.ts'

/** Those that serve the models of others. */
export const hosts: readonly CompatibleService[] = [
  {
    name: 'groq',
    prefix: '/openai',
    version: '/v1',
    responses: true,
    models: [
      model('llama-3.3-70b-versatile'),
      model('llama-3.1-8b-instant'),
      model('openai/gpt-oss-120b', reasoning),
      model('openai/gpt-oss-20b', reasoning),
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
]
