import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { demoServiceAccount } from '../service-account.ts'
import { makeAnthropicKeys } from './anthropic-keys.ts'
import { makeAwsKeys } from './aws-keys.ts'
import { makeAzureKeys } from './azure-keys.ts'
import { makeDeepgramKeys } from './deepgram-keys.ts'
import { makeElevenLabsKeys } from './elevenlabs-keys.ts'
import { makeFireworksKeys } from './fireworks-keys.ts'
import { makeGoogleKeys } from './google-keys.ts'
import { type IssuedSecret, type IssuedSecrets, makeIssuedSecrets } from './issued-secrets.ts'
import { makeOpenAiKeys } from './openai-keys.ts'
import { makeOpenRouterKeys } from './openrouter-keys.ts'
import { makePerplexityKeys } from './perplexity-keys.ts'
import type { Call, Conditions, Parts, Reply, Route, StandIn } from './stand-in.ts'
import { makeTroubles, type Trouble, type Troubles } from './trouble.ts'
import { makeWebhookKeys } from './webhook-keys.ts'
import { makeXaiKeys } from './xai-keys.ts'

/** A call as it came in, for tests that check what was sent. */
export interface RotationCall {
  readonly service: string
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Null: no reply. */
  status: number | null
  /** Null: it was no path of the API. */
  readonly verb: string | null
  trouble: Trouble['kind'] | null
}

const make = (partsOf: (service: string) => Parts) => ({
  openai: makeOpenAiKeys(partsOf('openai'), {
    adminKey: 'sk-admin-demo-not-a-real-key-of-the-organisation-000000000000',
    projectId: 'proj_demo',
    keyDeletion: 'deletes',
  }),
  gemini: makeGoogleKeys(partsOf('gemini'), {
    // A getter: its RSA key takes a tenth of a second to make.
    get serviceAccount() {
      return demoServiceAccount('KeyAdmin')
    },
    project: 'demo-project',
    pollsUntilDone: 1,
  }),
  azure_openai: makeAzureKeys(partsOf('azure_openai'), {
    tenantId: '00000000-0000-4000-8000-0000000000aa',
    clientId: '00000000-0000-4000-8000-0000000000bb',
    clientSecret: 'demo-not-a-real-client-secret-0000000000',
    subscriptionId: '00000000-0000-4000-8000-0000000000cc',
    resourceGroup: 'demo-group',
    account: 'demo-resource',
  }),
  bedrock: makeAwsKeys(partsOf('bedrock'), {
    accessKeyId: 'AKIADEMONOTAREALKEYA',
    secretAccessKey: 'demo-not-a-real-secret-of-the-key-admin0',
    userName: 'aideon-gateway',
    accountId: '123456789012',
  }),
  openrouter: makeOpenRouterKeys(partsOf('openrouter'), { managementKey: `sk-or-v1-de300${'0'.repeat(59)}` }),
  xai: makeXaiKeys(partsOf('xai'), {
    managementKey: 'xai-token-demo-not-a-real-management-key-0000000000000000000000000',
    teamId: '00000000-0000-4000-8000-0000000000dd',
  }),
  elevenlabs: makeElevenLabsKeys(partsOf('elevenlabs'), {
    adminKey: `sk_de300${'0'.repeat(43)}`,
    serviceAccountId: 'sa_demo',
  }),
  deepgram: makeDeepgramKeys(partsOf('deepgram'), {
    adminKey: `de300${'0'.repeat(35)}`,
    projectId: '00000000-0000-4000-8000-0000000000ee',
  }),
  fireworks: makeFireworksKeys(partsOf('fireworks'), {
    adminKey: 'fw_DEMONOTAREALADMINKEY0000',
    accountId: 'demo-account',
    userId: 'demo-user',
  }),
  perplexity: makePerplexityKeys(partsOf('perplexity')),
  anthropic: makeAnthropicKeys(partsOf('anthropic'), {
    adminKey: `sk-ant-admin01-demo-not-a-real-key-${'0'.repeat(58)}AA`,
  }),
  webhook: makeWebhookKeys(partsOf('webhook'), { signingSecret: 'demo-not-a-real-signing-secret-0000' }),
})

type Made = ReturnType<typeof make>
export type RotationService = keyof Made

/** Stand-ins of every key-management API that a rotation speaks to. */
export interface RotationStandIns {
  readonly apis: Made
  readonly secrets: IssuedSecrets
  readonly troubles: Troubles
  /** Each service's own. */
  readonly conditions: Readonly<Record<RotationService, Conditions>>
  calls(): readonly RotationCall[]
  /** Whether a path belongs to a key-management API, and not to the data plane beside it. */
  serves(service: string, method: string, path: string): boolean
  /** What is to be there in the next run, of those stand-ins that can tell; made-up secrets are in it. */
  save(): string
  load(saved: string): void
  /** Whose time it goes by from now on: tests that jump ahead jump for both sides. */
  useClock(clock: () => number): void
  /** Answers, or breaks the connection. */
  answer(
    service: RotationService,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): void
}

/** A demo that runs for weeks keeps the last of them. */
const mostCalls = 10_000

interface Saved {
  readonly last: number
  readonly secrets: readonly IssuedSecret[]
  readonly memories: Readonly<Record<string, unknown>>
}

export const makeRotationStandIns = (clock: () => number = Date.now): RotationStandIns => {
  let currentClock = clock
  const now = () => currentClock()
  const secrets = makeIssuedSecrets(now)
  const troubles = makeTroubles()
  const conditions = {} as Record<RotationService, Conditions>
  const calls: RotationCall[] = []
  let last = 0
  const next = () => {
    last += 1
    return last
  }
  const apis = make((service) => {
    const own = { limit: Number.POSITIVE_INFINITY, propagationMs: 0, listingMs: 0 }
    conditions[service as RotationService] = own
    return { secrets, now, next, conditions: own }
  })

  const routeOf = (api: StandIn, method: string, path: string): Route | undefined =>
    api.routes.find((route) => route.method === method && route.path.test(path))

  const reply = (api: StandIn, route: Route | undefined, call: Call): Reply => {
    if (!route) {
      const others = api.routes.filter(({ path }) => path.test(call.path))
      return api.refuse(others.length > 0 ? 405 : 404, `There is no ${call.method} ${call.path} here.`)
    }
    const refused = route.open ? null : api.authenticate(call)
    if (refused) return refused
    const stray = [...call.query.keys()].find((name) => !route.query?.includes(name))
    if (stray !== undefined) return api.refuse(400, `Unknown query parameter '${stray}'.`)
    return route.handle(call, (route.path.exec(call.path) ?? []).slice(1).map(decodeURIComponent))
  }

  const remembering = (Object.values(apis) as StandIn[]).flatMap(({ service, memory }) =>
    memory === undefined ? [] : [{ service, memory }],
  )

  return {
    apis,
    secrets,
    troubles,
    save: () =>
      JSON.stringify({
        last,
        secrets: remembering.flatMap(({ service }) => secrets.of(service)),
        memories: Object.fromEntries(remembering.map(({ service, memory }) => [service, memory.save()])),
      }),
    load(text) {
      const saved = JSON.parse(text) as Saved
      last = Math.max(last, saved.last)
      secrets.restore(saved.secrets)
      for (const { service, memory } of remembering)
        if (Object.hasOwn(saved.memories, service)) memory.load(saved.memories[service])
    },
    conditions,
    calls: () => calls,
    useClock(next) {
      currentClock = next
    },
    serves: (service, method, path) =>
      Object.hasOwn(apis, service) && routeOf(apis[service as RotationService], method, path) !== undefined,
    answer(service, path, request, response, body) {
      const api: StandIn = apis[service]
      const url = new URL(request.url ?? '/', 'http://stand-in')
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      )
      const call: Call = {
        method: request.method ?? '',
        path,
        query: url.searchParams,
        headers,
        body,
        target: request.url ?? '/',
      }
      const route = routeOf(api, call.method, path)
      const verb = typeof route?.verb === 'function' ? route.verb(call) : (route?.verb ?? null)
      const trouble = verb === null ? null : troubles.take(service, verb)
      const entry: RotationCall = {
        service,
        method: call.method,
        target: call.target,
        headers,
        body: body.toString('utf8'),
        status: null,
        verb,
        trouble: trouble?.kind ?? null,
      }
      calls.push(entry)
      if (calls.length > mostCalls) calls.splice(0, mostCalls / 10)
      if (trouble?.kind === 'lost_before') return void response.destroy()
      if (trouble?.kind === 'failed_before') {
        const { status, retryAfterSeconds } = trouble
        const said = api.refuse(status, echo(call))
        const more: Record<string, string> =
          retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
        return send(response, { ...said, headers: { ...said.headers, ...more } }, entry)
      }
      const said = reply(api, route, call)
      if (trouble?.kind === 'lost_after') return void response.destroy()
      if (trouble?.kind === 'silent_after') return
      if (trouble?.kind === 'half') return sendHalf(response, said)
      if (trouble?.kind === 'failed_after')
        return send(response, api.refuse(trouble.status, echo(call)), entry)
      if (trouble?.kind === 'garbage_after')
        return send(
          response,
          { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
          entry,
        )
      send(response, said, entry)
    },
  }
}

/** Services quote what they were sent in their errors, credentials too. */
const echo = ({ target, headers, body }: Call): string =>
  `Trouble was ordered: ${target} ${JSON.stringify(headers)} ${body.toString('utf8')}`

const send = (response: ServerResponse, { status, headers, body }: Reply, entry: RotationCall): void => {
  entry.status = status
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) }).end(body)
}

const sendHalf = (response: ServerResponse, { status, headers, body }: Reply): void => {
  const bytes = Buffer.from(body)
  response.writeHead(status, { ...headers, 'content-length': String(bytes.length) })
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
}

/** The stand-ins alone, each under its service's name: `${url}/openai/v1/organization/…`. */
export const startRotationStandIns = async (options: { port?: number; now?: () => number } = {}) => {
  const standIns = makeRotationStandIns(options.now)
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { pathname } = new URL(request.url ?? '/', 'http://stand-in')
    const [, service = '', path = '/'] = /^\/([^/]*)(\/.*)?$/.exec(pathname) ?? []
    if (!Object.hasOwn(standIns.apis, service))
      return void response.writeHead(404).end('No key-management API is here.')
    standIns.answer(service as RotationService, path, request, response, Buffer.concat(chunks))
  }
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(options.port ?? 0, '127.0.0.1', resolve)
  await promise
  return {
    ...standIns,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: (): Promise<void> => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      return closed.promise
    },
  }
}
export type RunningStandIns = Awaited<ReturnType<typeof startRotationStandIns>>
