import type { DemoFile } from './demo-file.ts'

/** Shell commands that work when pasted, one per interesting case. */
export interface DemoCommand {
  readonly title: string
  readonly command: string
}

type Facts = Pick<DemoFile, 'baseUrl' | 'platformToken' | 'users'>

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const curl = (
  options: string,
  url: string,
  token: string,
  body: unknown,
  headers: readonly string[] = [],
): string =>
  [
    `curl ${options} ${url}`,
    `-H 'authorization: Bearer ${token}'`,
    `-H 'content-type: application/json'`,
    ...headers.map((header) => `-H ${quoted(header)}`),
    `-d ${quoted(JSON.stringify(body))}`,
  ].join(' ')

const chat = (model: string, content: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content }],
  ...more,
})

export const demoCommands = ({ baseUrl, platformToken, users }: Facts): DemoCommand[] => {
  const [olivia, ansel, nora] = users
  if (!olivia || !ansel || !nora) return []
  const chatUrl = `${baseUrl}/v1/chat/completions`
  const messagesUrl = `${baseUrl}/v1/messages`
  const version = ['anthropic-version: 2023-06-01']
  const hello = chat('gpt-4.1-mini', 'Say hello.')
  const helloClaude = chat('claude-haiku-4-5', 'Say hello.', { max_tokens: 200 })
  const operationOf = `$(${curl('-s -o /dev/null -D -', chatUrl, olivia.accessToken, hello)} | tr -d '\\r' | awk 'tolower($1) == "x-aideon-operation:" { print $2 }')`
  return [
    {
      title: 'Own key: Olivia’s own OpenAI key pays, no credits',
      command: curl('-i', chatUrl, olivia.accessToken, hello),
    },
    {
      title: 'Own key, Anthropic’s dialect: Ansel’s own key',
      command: curl('-i', messagesUrl, ansel.accessToken, helloClaude, version),
    },
    {
      title: 'System key: Nora has no keys, so it costs credits',
      command: curl('-i', messagesUrl, nora.accessToken, helloClaude, version),
    },
    {
      title:
        'Failover: the Primary OpenAI key is rate limited, the Secondary answers (see x-aideon-attempts)',
      command: curl('-i', chatUrl, nora.accessToken, hello),
    },
    {
      title: 'Streaming',
      command: curl(
        '-iN',
        chatUrl,
        olivia.accessToken,
        chat('gpt-5-mini', 'Tell me something.', { stream: true }),
      ),
    },
    {
      title:
        'Alternative: asked at OpenRouter, where Olivia has no key; her OpenAI key offers the same model',
      command: curl('-i', chatUrl, olivia.accessToken, chat('openrouter/openai/gpt-4.1-mini', 'Say hello.')),
    },
    {
      title: 'Translated: OpenAI’s dialect, answered by Ansel’s own Anthropic key',
      command: curl('-i', chatUrl, ansel.accessToken, chat('claude-haiku-4-5', 'Say hello.')),
    },
    {
      title: 'A model group: on credits, Nora gets the offer that costs the fewest',
      command: curl('-i', chatUrl, nora.accessToken, chat('group/fast', 'Say hello.')),
    },
    {
      title: 'Explained: where the same call of Ansel’s would go, and why; no call is made',
      command: curl('-s', chatUrl, ansel.accessToken, chat('group/fast', 'Say hello.'), [
        'x-aideon-explain: 1',
      ]),
    },
    {
      title: 'An image by Midjourney through OpenAI’s endpoint, waited for',
      command: curl('-s', `${baseUrl}/v1/images/generations`, nora.accessToken, {
        model: 'midjourney',
        prompt: 'a lighthouse at dusk',
      }),
    },
    {
      title: 'Refused: Olivia has no Anthropic key and does not allow credits',
      command: curl('-i', messagesUrl, olivia.accessToken, helloClaude, version),
    },
    {
      title: 'Refused: Nora narrows her preference to none for this call',
      command: curl('-i', chatUrl, nora.accessToken, hello, ['x-aideon-fallback: none']),
    },
    {
      title: 'An application acts for Nora with the platform token',
      command: curl('-i', chatUrl, platformToken, hello, [`x-aideon-user: ${nora.email}`]),
    },
    {
      title: 'Embeddings',
      command: curl('-s', `${baseUrl}/v1/embeddings`, olivia.accessToken, {
        model: 'text-embedding-3-small',
        input: 'a few words',
        dimensions: 8,
      }),
    },
    {
      title: 'The whole receipt of an operation, by its id',
      command: `curl -s ${baseUrl}/api/operations/${operationOf} -H 'authorization: Bearer ${olivia.accessToken}'`,
    },
  ]
}

/** What the start prints. */
export const demoLines = (demo: DemoFile): string[] => [
  '',
  'DEMO: made-up users and simulated services. No real service is called, no key here is real.',
  '',
  'Sign in (the links work again and again):',
  `  ${demo.administrator.name}: ${demo.administrator.signInLink}`,
  ...demo.users.map((user) => `  ${user.name} (${user.about}): ${user.signInLink}`),
  '',
  'To try “Add key” there: keys that the simulator accepts (any other is refused)',
  ...demo.spareKeys.map(({ service, secret }) => `  ${service}: ${secret}`),
  '',
  'Try these; the x-aideon-… headers of each reply are the receipt:',
  ...demo.commands.flatMap(({ title, command }) => [`  # ${title}`, `  ${command}`]),
  '',
]
