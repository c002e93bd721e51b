import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { must } from '../src/kit/fault.ts'
import { sendRaw } from './hostile.ts'
import { operator } from './scene.ts'
import { openStage } from './stage.ts'

test('a handshake that is refused leaves nothing open at the service, is on record, and takes no place for good', async () => {
  const sockets = new WebSocketServer({ noServer: true })
  const upstream = createServer((_, response) => response.end('{}'))
  upstream.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, () => {}))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const stage = await openStage({ AIDEON_MAXIMUM_OPERATIONS: '3' })
  const person = await stage.person()
  await stage.ownKey(person, 'openai')
  const { catalogue } = stage.gateway.rooms
  const host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  must(await catalogue.addAllowance(operator, host))
  must(await catalogue.change(operator, 'openai', { baseUrl: `http://${host}` }))
  const wrong = [
    'upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x',
    'upgrade: websocket\r\nsec-websocket-version: 13',
    'upgrade: websocket\r\nsec-websocket-version: 99\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    'upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: a,,b',
    'upgrade: h2c',
  ]
  for (const headers of wrong)
    await sendRaw(
      stage.url,
      `GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n${headers}\r\nauthorization: Bearer ${person.token}\r\n\r\n`,
    )
  try {
    await expect.poll(() => sockets.clients.size).toBe(0)
    // Each took one of the gateway's places; all three are free again.
    const models = () =>
      fetch(`${stage.url}/v1/models`, { headers: { authorization: `Bearer ${person.token}` } })
    await expect.poll(async () => (await models()).status).toBe(200)
  } finally {
    for (const client of sockets.clients) client.terminate()
    upstream.close()
    await Promise.race([stage[Symbol.asyncDispose](), new Promise((done) => setTimeout(done, 5_000))])
  }
})
