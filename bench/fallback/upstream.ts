// bench/c/upstream.c for machines without a C compiler: same replies, same command line, about five times dearer.
import http from 'node:http'

const chunkCount = 50
const model = 'gpt-4o-mini-2024-07-18'
const id = 'chatcmpl-bench0123456789abcdef'
const base = { id, object: 'chat.completion.chunk', created: 1763800000, model }

const completion = JSON.stringify({
  ...base,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'aaaaaaa '.repeat(80) },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 350, completion_tokens: 120, total_tokens: 470 },
  system_fingerprint: 'fp_bench',
})
const event = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const chunks = Array.from({ length: chunkCount }, (_, index) =>
  event({
    ...base,
    choices: [
      {
        index: 0,
        delta: { content: ` word${String(index).padStart(2, '0')}` },
        finish_reason: index === chunkCount - 1 ? 'stop' : null,
      },
    ],
  }),
)
const usage = event({
  ...base,
  choices: [],
  usage: { prompt_tokens: 350, completion_tokens: 50, total_tokens: 400 },
})
const end = event('[DONE]')

const counts = { user: 0, system: 0, other: 0 }
const jsonHead = { 'content-type': 'application/json', 'x-request-id': 'req_0123456789abcdef' }
const streamHead = { ...jsonHead, 'content-type': 'text/event-stream; charset=utf-8' }

const sendPaced = (response: http.ServerResponse, events: readonly string[]): void => {
  let next = 0
  const timer = setInterval(() => {
    if (next < events.length) response.write(events[next++])
    else {
      clearInterval(timer)
      response.end()
    }
  }, 1)
  response.on('close', () => clearInterval(timer))
}

const answer = (body: string, response: http.ServerResponse): void => {
  if (!body.includes('"stream":true')) {
    response.writeHead(200, { ...jsonHead, 'content-length': completion.length }).end(completion)
    return
  }
  const events = [...chunks, ...(body.includes('"include_usage":true') ? [usage] : []), end]
  response.writeHead(200, streamHead)
  if (body.includes('"user":"paced"')) sendPaced(response, events)
  else response.end(events.join(''))
}

const server = http.createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, jsonHead)
    response.end(JSON.stringify(request.url === '/counts' ? counts : { object: 'list', data: [] }))
    return
  }
  const authorization = request.headers.authorization ?? ''
  const payer = /^Bearer sk-proj-bench(user|system)/.exec(authorization)?.[1] ?? 'other'
  counts[payer as keyof typeof counts]++
  let body = ''
  request.setEncoding('utf8').on('data', (part: string) => (body += part))
  request.on('end', () => answer(body, response))
})
server.keepAliveTimeout = 600_000
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`port ${address.port}`)
})
