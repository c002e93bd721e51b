// bench/c/load.c for machines without a C compiler: same command line, same result.
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'

const [port, connections, milliseconds, requestFiles, saveFile] = process.argv.slice(2)
const requests = requestFiles!.split(',').map((file) => {
  const raw = readFileSync(file)
  const blank = raw.indexOf('\r\n\r\n')
  const [firstLine, ...headerLines] = raw.subarray(0, blank).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(headerLines.map((line) => line.split(': ') as [string, string]))
  return { path: firstLine!.split(' ')[1]!, headers, body: raw.subarray(blank + 4) }
})

const latencies: number[] = []
const payloads: number[] = []
const eventCounts: number[] = []
const owners: Record<string, number> = { user: 0, organization: 0, system: 0 }
let errors = 0
let badStatus = 0
let saved = saveFile === undefined

const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) })
const start = performance.now()
const deadline = start + Number(milliseconds)

const save = (response: http.IncomingMessage, text: string): void => {
  if (saved) return
  saved = true
  // Node has taken the chunk framing off.
  const lines = Object.entries(response.headers).flatMap(([name, value]) =>
    name === 'transfer-encoding' ? [] : `${name}: ${String(value)}`,
  )
  writeFileSync(saveFile!, `HTTP/1.1 ${response.statusCode}\r\n${lines.join('\r\n')}\r\n\r\n${text}`)
}

const note = (response: http.IncomingMessage, text: string, micros: number): void => {
  save(response, text)
  const stream = response.headers['content-type']?.startsWith('text/event-stream') ?? false
  if (response.statusCode !== 200) badStatus ||= response.statusCode ?? 0
  if (response.statusCode !== 200 || !response.complete || (stream && !text.endsWith('data: [DONE]\n\n'))) {
    errors++
    return
  }
  latencies.push(micros)
  payloads.push(text.length)
  eventCounts.push(stream ? text.split('\n\n').length - 1 : 0)
  const owner = response.headers['x-aideon-key-owner']
  if (typeof owner === 'string' && owner in owners) owners[owner]!++
}

const callOnce = ({ path, headers, body }: (typeof requests)[number]): Promise<void> =>
  new Promise((resolve) => {
    const began = performance.now()
    const fail = (): void => {
      errors++
      resolve()
    }
    const request = http.request(
      { port, host: '127.0.0.1', method: 'POST', path, headers, agent },
      (response) => {
        let text = ''
        response.setEncoding('latin1').on('data', (part: string) => (text += part))
        response.once('error', fail)
        response.once('end', () => {
          note(response, text, (performance.now() - began) * 1000)
          resolve()
        })
      },
    )
    request.once('error', fail).end(body)
  })

const work = async (index: number): Promise<void> => {
  do await callOnce(requests[index % requests.length]!)
  while (performance.now() < deadline)
}

await Promise.all(Array.from({ length: Number(connections) }, (_, index) => work(index)))
const seconds = (performance.now() - start) / 1000
latencies.sort((a, b) => a - b)
const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0
const extremes = (values: number[]): [number, number] => [
  values.reduce((least, value) => Math.min(least, value), values[0] ?? 0),
  values.reduce((most, value) => Math.max(most, value), 0),
]
console.log(
  JSON.stringify({
    completed: latencies.length,
    errors,
    badStatus,
    reconnects: 0,
    seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    payloadBytes: extremes(payloads),
    events: extremes(eventCounts),
    owners,
  }),
)
agent.destroy()
