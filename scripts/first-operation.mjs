// Prints the seconds from the command to the first served operation, on an empty data directory: what somebody who tries
// the product waits for. Plain JavaScript for Node 20, so that the launcher's own time counts as well.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const launcher = join(import.meta.dirname, '../bin/aideon-keys.mjs')
const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-first-'))
const began = performance.now()
const seconds = () => `${((performance.now() - began) / 1000).toFixed(2)} s`

const gateway = spawn(
  process.execPath,
  [launcher, 'start', '--demo', '--port', '0', '--data', dataDirectory],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const ended = new Promise((resolve) => gateway.once('exit', resolve))

const ready = async () => {
  for await (const line of createInterface({ input: gateway.stdout }))
    if (line.startsWith('Aideon Keys is ready')) return
  throw new Error('The gateway ended before it was ready.')
}

const operate = async () => {
  const { baseUrl, users } = JSON.parse(readFileSync(join(dataDirectory, 'demo.json'), 'utf8'))
  const reply = await fetch(new URL('/v1/chat/completions', baseUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${users[0].accessToken}` },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
  })
  const body = await reply.text()
  if (!reply.ok) throw new Error(`The first operation was answered with ${reply.status}: ${body}`)
  return reply.headers
}

try {
  await ready()
  console.log(`ready            ${seconds()}`)
  const headers = await operate()
  console.log(
    `first operation  ${seconds()}  (${headers.get('x-aideon-operation')}, key of ${headers.get('x-aideon-key-owner')})`,
  )
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  // Read on, or the gateway could wait for somebody to take its last lines.
  gateway.stdout.resume()
  gateway.kill('SIGTERM')
  await ended
  rmSync(dataDirectory, { recursive: true, force: true })
}
