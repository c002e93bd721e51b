import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The worst upstream for secrets: whatever it answers, it repeats the credential it was given, in every form, wherever
 * HTTP has room. The prompt chooses what it answers: `[[echo: 401]]`, `[[echo: stream]]`, …
 */
export interface EchoService extends AsyncDisposable {
  readonly url: string
  /** What validation calls are told. */
  validation: 'accept' | 'refuse'
  /** Credentials received, in order. */
  readonly credentials: string[]
}

export const startEchoService = async (): Promise<EchoService> => {
  const credentials: string[] = []
  const service = { validation: 'accept' as EchoService['validation'] }
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const credential = credentialOf(request)
      credentials.push(credential)
      if (request.method === 'GET')
        return answer(response, credential, service.validation === 'accept' ? 200 : 401)
      const wanted = /\[\[echo: (\w+)\]\]/.exec(body)?.[1] ?? '500'
      const special = specials[wanted]
      if (special) special(response, credential)
      else answer(response, credential, Number(wanted))
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return Object.assign(service, {
    url: `http://127.0.0.1:${port}`,
    credentials,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  })
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk)
  return body
}

const credentialOf = ({ headers }: IncomingMessage): string =>
  String(headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer /, '') ?? '')

const spoken = (secret: string): string => {
  const bytes = Buffer.from(secret)
  const forms = [
    secret,
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    encodeURIComponent(secret),
    Buffer.from(`user:${secret}`).toString('base64'),
  ]
  return `Incorrect key. authorization: Bearer ${secret}; also known as ${forms.join(' and ')}`
}

const headersFor = (secret: string): Record<string, string> => ({
  'content-type': 'application/json',
  'x-request-id': secret,
  'request-id': Buffer.from(secret).toString('base64url'),
  'openai-version': secret,
  'openai-processing-ms': encodeURIComponent(secret),
  'x-ratelimit-limit-requests': secret,
  'anthropic-ratelimit-requests-limit': secret,
  'retry-after': secret,
  'set-cookie': `key=${encodeURIComponent(secret)}`,
  'www-authenticate': `Bearer error="${secret.replaceAll('"', '')}"`,
  location: `https://example.com/?key=${encodeURIComponent(secret)}`,
})

const errorBody = (secret: string) => ({
  type: 'error',
  error: { type: spoken(secret), code: secret, param: secret, message: spoken(secret) },
  [secret]: { authorization: `Bearer ${secret}` },
})

const answer = (response: ServerResponse, secret: string, status: number): void => {
  const body = status === 200 ? { data: [] } : errorBody(secret)
  response.writeHead(status, `No to ${secret}`, headersFor(secret)).end(JSON.stringify(body))
}

const specials: Readonly<Record<string, (response: ServerResponse, secret: string) => void>> = {
  html: (response, secret) => {
    response.writeHead(502, { ...headersFor(secret), 'content-type': 'text/html' })
    response.end(`<h1>${spoken(secret)}</h1>`)
  },
  /** The reply ends in the middle of the secret. */
  half: (response, secret) => {
    response.writeHead(400, { 'content-type': 'application/json', 'content-length': '100000' })
    response.write(`{"error":{"message":"Incorrect key ${secret.slice(0, -8)}`, () => response.destroy())
  },
  stream: (response, secret) => {
    response.writeHead(200, { 'x-request-id': secret, 'content-type': 'text/event-stream' })
    response.end(`event: error\ndata: ${JSON.stringify(errorBody(secret))}\n\n`)
  },
  /** Neither an HTTP status line nor a header that a parser takes. */
  garbage: (response, secret) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\n${secret}\u0000: ${secret}\r\n\r\n${secret}`)
  },
  reset: (response, secret) => {
    response.socket?.end(secret)
  },
}
