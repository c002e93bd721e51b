import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { ApiError, type Client, type EndpointName, makeClient } from '../../sdk/client.ts'
import { type Endpoint, isForBrowsers } from '../contract/endpoint.ts'
import { endpoints } from '../contract/endpoints.ts'

export interface ApiOptions {
  readonly param?: readonly string[]
  readonly data?: string
  readonly all?: boolean
  readonly url?: string
}

type Write = (line: string) => void

/** `aideon-keys api`: any endpoint of the management API, by its name. Gives the exit code. */
export const apiCommand = async (
  name: string | undefined,
  options: ApiOptions,
  parts: {
    environment: NodeJS.ProcessEnv
    out: Write
    error: Write
    fetch?: typeof globalThis.fetch
  },
): Promise<number> => {
  const { environment, out, error } = parts
  if (name === undefined) {
    for (const line of listed()) out(line)
    return 0
  }
  if (!isEndpoint(name)) {
    error(`There is no endpoint ${name}. ${nearest(name)}aideon-keys api lists them.`)
    return 2
  }
  const accessToken = environment['AIDEON_KEYS_TOKEN']
  const baseUrl = options.url ?? environment['AIDEON_KEYS_URL'] ?? 'http://127.0.0.1:8787'
  if (!accessToken) {
    error(
      'Set AIDEON_KEYS_TOKEN to an access token with the scope manage (the dashboard makes it under Access tokens).',
    )
    return 2
  }
  try {
    const client = makeClient({ baseUrl, accessToken, ...(parts.fetch && { fetch: parts.fetch }) })
    await run(client, name, await requestOf(endpoints[name], options), options.all === true, out)
    return 0
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem
    const field = problem.field === undefined ? '' : ` (${problem.field})`
    error(`${problem.code}${field}: ${problem.message} ${problem.next}`)
    return 1
  }
}

const run = async (
  client: Client,
  name: EndpointName,
  request: object,
  all: boolean,
  out: Write,
): Promise<void> => {
  const endpoint: Endpoint = endpoints[name]
  if (endpoint.file) return out(await (await client.download(name, request)).text())
  if (!all) return out(JSON.stringify(await client.call(name, request), null, 2))
  for await (const item of client.each(name as 'listAudit', request as never)) out(JSON.stringify(item))
}

const isEndpoint = (name: string): name is EndpointName => Object.hasOwn(endpoints, name)

/** Only what a token may call at all. */
const listed = (): string[] => {
  const rows = (Object.entries(endpoints) as [string, Endpoint][]).filter(
    ([, endpoint]) => endpoint.auth !== 'public' && !isForBrowsers(endpoint),
  )
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .toSorted(([, a], [, b]) => a.group.localeCompare(b.group))
    .map(
      ([name, { method, path, summary }]) => `${name.padEnd(width)}  ${method.padEnd(6)} ${path}  ${summary}`,
    )
}

const nearest = (name: string): string => {
  const found = Object.keys(endpoints).filter((one) => one.toLowerCase().includes(name.toLowerCase()))
  return found.length === 0 || found.length > 8 ? '' : `Perhaps ${found.join(', ')}. `
}

/** Parameters go to the path where it names them, else into the query. */
const requestOf = async (endpoint: Endpoint, { param = [], data }: ApiOptions): Promise<object> => {
  const pairs = param.map((one): [string, string] => {
    const at = one.indexOf('=')
    return at < 0 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)]
  })
  const isOfPath = ([name]: [string, string]) => new RegExp(`:${name}(?:/|$)`).test(endpoint.path)
  const params = Object.fromEntries(pairs.filter(isOfPath))
  const query = Object.fromEntries(pairs.filter((pair) => !isOfPath(pair)))
  const body = data === undefined ? undefined : (JSON.parse(await dataOf(data)) as unknown)
  return { params, query, ...(body === undefined ? {} : { body }) }
}

/** `@file`, `-` for what is piped in, or the JSON itself; secrets belong into one of the first two. */
const dataOf = (data: string): Promise<string> => {
  if (data === '-' || data === '@-') return text(process.stdin)
  return data.startsWith('@') ? readFile(data.slice(1), 'utf8') : Promise.resolve(data)
}
