/** Lines that work when pasted; models are names every installation's catalogue has. */
export interface Example {
  readonly value: string
  readonly label: string
  readonly code: string
}

export const userExamples = (base: string, token: string): readonly Example[] => [
  {
    value: 'curl',
    label: 'curl',
    code: `curl ${base}/v1/chat/completions \\
  -H "authorization: Bearer ${token}" \\
  -H "content-type: application/json" \\
  -d '{"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
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
  model: 'gpt-4.1-mini',
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
    model="gpt-4.1-mini",
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
  model: 'claude-haiku-4-5',
  max_tokens: 200,
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
  -d '{"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
  },
]
