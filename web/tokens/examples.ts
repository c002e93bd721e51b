/** Lines that work when pasted. */
export interface Example {
  readonly value: string
  readonly label: string
  readonly code: string
}

export const userExamples = (base: string, token: string, model: string): readonly Example[] => [
  {
    value: 'curl',
    label: 'curl',
    code: `curl ${base}/v1/chat/completions \\
  -H "authorization: Bearer ${token}" \\
  -H "content-type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
  },
  {
    value: 'typescript',
    label: 'TypeScript',
    code: `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: '${base}/v1',
  apiKey: '${token}',
})
const reply = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'Hello' }],
})`,
  },
  {
    value: 'python',
    label: 'Python',
    code: `from openai import OpenAI

client = OpenAI(
    base_url="${base}/v1",
    api_key="${token}",
)
reply = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)`,
  },
  {
    value: 'anthropic',
    label: 'Anthropic client',
    code: `import Anthropic from '@anthropic-ai/sdk'

const client = new Anthropic({
  baseURL: '${base}',
  apiKey: '${token}',
})
const reply = await client.messages.create({
  model: '${model}',
  max_tokens: 1000,
  messages: [{ role: 'user', content: 'Hello' }],
})`,
  },
]

export const platformExamples = (base: string, token: string): readonly Example[] => [
  {
    value: 'curl',
    label: 'curl',
    code: `curl ${base}/v1/chat/completions \\
  -H "authorization: Bearer ${token}" \\
  -H "x-aideon-user: ada@example.com" \\
  -H "content-type: application/json" \\
  -d '{"model": "group/fast", "messages": [{"role": "user", "content": "Hello"}]}'`,
  },
]
