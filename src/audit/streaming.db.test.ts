import { createSocket } from 'node:dgram'
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { localhostCertificate } from '../../tests/certificate.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import { failure, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { newWebhookSecret, signatureOf } from '../long-operations/signature.ts'
import { makeOutbound } from '../net/outbound.ts'
import type { OpenedVault } from '../vault/open-vault.ts'
import { auditEndpoints } from '../contract/audit.ts'
import { auditApi } from './api.ts'
import { recordAudit } from './audit.ts'
import { parseSink } from './parse-sink.ts'
import type { StreamRecord } from './record.ts'
import type { Sink } from './sink.ts'
import { makeAuditStreaming, streamMetrics, waitAfter } from './streaming.ts'
import { type AuditTrail, makeAuditTrail } from './trail.ts'

let clone: TestDatabase
let trail: AuditTrail
let opened: OpenedVault
const directory = mkdtempSync(join(tmpdir(), 'aideon-audit-'))
const closers: (() => void)[] = []

beforeAll(async () => {
  clone = await cloneDatabase()
  opened = await openTestVault(clone.database)
  trail = makeAuditTrail({
    database: clone.database,
    vault: opened.vault,
    clock: () => new Date(),
    log: silentLog,
  })
})
afterEach(() => {
  for (const close of closers.splice(0)) close()
})
afterAll(async () => {
  await opened.close()
  await clone.drop()
  rmSync(directory, { recursive: true })
})

const record = async (organizationId: string, ...labels: string[]) => {
  for (const label of labels)
    await clone.database.kysely.transaction().execute((transaction) =>
      recordAudit(transaction, {
        organizationId,
        actor: { kind: 'operator', id: null },
        action: 'service_key.rename',
        subject: { kind: 'service_key', id: label },
        after: { label: `${label} ä"\\\u2028😀` },
      }),
    )
}
const organization = async () => {
  const id = newId()
  await clone.database.pool.query(`INSERT INTO organizations (id, name, kind) VALUES ($1, 'O', 'company')`, [
    id,
  ])
  return id
}

let sinks = 0
/** In memory, with a name of its own. */
const memorySink = (more: Partial<Sink> = {}) => {
  const records: StreamRecord[] = []
  const state = { isDown: false, beforeAnswer: async () => {} }
  const sink: Sink = {
    name: `memory ${sinks++}`,
    kind: 'file',
    batchSize: 3,
    async deliver(batch) {
      if (state.isDown) return failure('audit_stream_unreachable')
      records.push(...batch)
      await state.beforeAnswer()
      return success(undefined)
    },
    ...more,
  }
  const of = (organizationId: string) =>
    records
      .filter((one) => one.organizationId === organizationId && one.kind === 'entry')
      .map(({ sequence }) => Number(sequence))
  return { sink, records, state, of }
}
const streaming = (list: Sink[], processId = newId()) =>
  makeAuditStreaming({ database: clone.database, sinks: list, processId, log: silentLog, random: () => 0 })
const until = async (one: { round(): Promise<boolean> }) => {
  while (await one.round()) {
    // As long as there is more.
  }
}
const due = () => clone.database.pool.query(`UPDATE audit_streams SET next_attempt_at = '-infinity'`)

describe('the order and the number of what is delivered', () => {
  test('every entry of every organisation, in the order of its chain, and each checkpoint after its entry', async () => {
    const [one, two] = [await organization(), await organization()]
    await record(one, 'a', 'b', 'c', 'd', 'e', 'f', 'g')
    await record(two, 'a')
    await trail.signCheckpoints()
    const { sink, records, of } = memorySink()
    const stream = streaming([sink])
    await until(stream)
    expect([of(one), of(two)]).toEqual([[1, 2, 3, 4, 5, 6, 7], [1]])
    const kinds = records.filter(({ organizationId }) => organizationId === one).map(({ kind }) => kind)
    expect(kinds).toEqual([...Array<string>(7).fill('entry'), 'checkpoint'])
    await record(two, 'b')
    await until(stream)
    expect(of(two)).toEqual([1, 2])
    expect(records.filter(({ organizationId }) => organizationId === one)).toHaveLength(8)
    expect(await stream.view()).toMatchObject([{ behind: 0n, oldestWaitingAt: null, failures: 0 }])
  })

  test('a process that dies between delivery and its note repeats, and leaves nothing out', async () => {
    const id = await organization()
    await record(id, 'a', 'b', 'c', 'd', 'e')
    const { sink, state, of } = memorySink()
    const dying = streaming([sink])
    state.beforeAnswer = async () => {
      throw new Error('killed')
    }
    await expect(dying.round()).rejects.toThrow('killed')
    state.beforeAnswer = async () => {}
    // Its lease is still held: nobody else delivers meanwhile.
    const heir = streaming([sink])
    expect(await heir.round()).toBe(false)
    await clone.database.pool.query('UPDATE audit_streams SET held_until = now() WHERE sink = $1', [
      sink.name,
    ])
    await until(heir)
    const seen = of(id)
    expect([...new Set(seen)]).toEqual([1, 2, 3, 4, 5])
    expect(seen.slice(-5)).toEqual([1, 2, 3, 4, 5])
  })

  test('of two processes one delivers; a third takes over what the first lets go', async () => {
    const id = await organization()
    const { sink, of } = memorySink()
    const [first, second] = [streaming([sink]), streaming([sink])]
    await until(first)
    await record(id, 'a', 'b', 'c', 'd')
    await Promise.all([until(first), until(second)])
    expect(of(id)).toEqual([1, 2, 3, 4])
    await first.stop()
    await record(id, 'e')
    await until(second)
    expect(of(id)).toEqual([1, 2, 3, 4, 5])
  })

  test('a place that is away loses nothing, is asked ever more rarely, and its lag shows; others go on', async () => {
    const [away, well] = [memorySink(), memorySink()]
    const stream = streaming([away.sink, well.sink])
    await until(stream)
    const id = await organization()
    await record(id, 'a', 'b', 'c', 'd', 'e')
    away.state.isDown = true
    for (let attempt = 0; attempt < 3; attempt++) {
      await until(stream)
      await due()
    }
    expect(well.of(id)).toEqual([1, 2, 3, 4, 5])
    const [lagging, other] = await stream.view()
    expect(lagging).toMatchObject({ behind: 5n, failures: 3, oldestWaitingAt: expect.any(Date) })
    expect(other).toMatchObject({ behind: 0n, failures: 0 })
    away.state.isDown = false
    // After a restart as well.
    await stream.stop()
    await until(streaming([away.sink, well.sink]))
    expect(away.of(id)).toEqual([1, 2, 3, 4, 5])
    expect(well.of(id)).toEqual([1, 2, 3, 4, 5])
    expect([0, 1, 2, 8, 30].map((failures) => waitAfter(failures, 0))).toEqual([
      1000, 2000, 4000, 256_000, 300_000,
    ])
  })

  test('a chain whose records are refused holds up no other', async () => {
    const [bad, good] = [await organization(), await organization()].toSorted() as [string, string]
    const { sink, records } = memorySink({
      deliver: async (batch) => {
        if (batch.some(({ organizationId }) => organizationId === bad))
          return failure('audit_stream_unreachable')
        records.push(...batch)
        return success(undefined)
      },
    })
    const stream = streaming([sink])
    await record(bad, 'a')
    await record(good, 'a')
    for (let attempt = 0; attempt < 3; attempt++) {
      await until(stream)
      await due()
    }
    expect(records.some(({ organizationId }) => organizationId === good)).toBe(true)
    expect(records.some(({ organizationId }) => organizationId === bad)).toBe(false)
    expect((await stream.view())[0]?.behind).toBe(1n)
  })

  test('started, it delivers what comes, and stops without cutting off', async () => {
    const { sink, of } = memorySink()
    const stream = makeAuditStreaming({
      database: clone.database,
      sinks: [sink],
      processId: newId(),
      log: silentLog,
      pollMs: 10,
    })
    stream.start()
    const id = await organization()
    await record(id, 'a', 'b')
    await expect.poll(() => of(id)).toEqual([1, 2])
    await stream.stop()
    await record(id, 'c')
    expect(of(id)).toEqual([1, 2])
  })
})

test('lag is shown on the wire and to Prometheus, without what may be secret', async () => {
  const { sink, state } = memorySink({ name: 'https://siem.example/"x"\\?1a2b3c4d', kind: 'webhook' })
  const stream = streaming([sink])
  state.isDown = true
  await record(await organization(), 'a')
  await stream.round()
  const { listAuditStreams } = auditApi({
    auditTrail: trail,
    auditStreaming: stream,
    clock: () => new Date(),
  })
  const reply = auditEndpoints.listAuditStreams.reply.parse(await listAuditStreams({} as never, {} as never))
  expect(reply.items).toMatchObject([
    { kind: 'webhook', failures: 1, problem: expect.any(String), nextAttemptAt: expect.any(String) },
  ])
  expect(reply.items[0]?.behind).toBeGreaterThan(0)
  const text = streamMetrics(await stream.view(), new Date(Date.now() + 60_000))
  const label = 'sink="https://siem.example/\\"x\\"\\\\?1a2b3c4d"'
  expect(text).toContain(`aideon_audit_stream_failures{${label}} 1\n`)
  expect(Number(/lag_seconds\{.*\} (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(59)
  expect(streamMetrics([], new Date())).toBe('')
})

describe('the places', () => {
  const outbound = makeOutbound()
  const secret = newWebhookSecret()
  const parts = {
    signingSecret: secret,
    outbound,
    clock: () => new Date('2026-11-23T12:00:00Z'),
    hostName: 'keys.example',
    pid: 7,
  }
  beforeAll(() => outbound.allow(['127.0.0.1']))
  afterAll(() => outbound.close())

  const make = (reference: string): Sink => {
    const sink = parseSink(reference, parts)
    if (typeof sink === 'string') throw new Error(sink)
    return sink
  }
  const records = (count: number, text = 'ä\n<1>2 x'): StreamRecord[] =>
    Array.from({ length: count }, (_, index) => ({
      kind: 'entry',
      organizationId: platformOrganizationId,
      sequence: BigInt(index + 1),
      at: new Date('2026-11-23T11:00:00.123Z'),
      action: 'service_key.rename',
      line: JSON.stringify({ sequence: index + 1, text, entry: { text }, hash: 'ab' }),
    }))

  test('a file takes whole lines, goes on after a torn one and after a rotation', async () => {
    const path = join(directory, 'audit.jsonl')
    const sink = make(`file:${path}`)
    expect(await sink.deliver(records(2))).toEqual(success(undefined))
    appendFileSync(path, '{"torn":')
    await sink.deliver(records(1))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => (line.startsWith('{"torn') ? 'torn' : JSON.parse(line).sequence))).toEqual([
      1,
      2,
      'torn',
      1,
    ])
    renameSync(path, `${path}.1`)
    await sink.deliver(records(1))
    expect(readFileSync(path, 'utf8')).toBe(`${records(1)[0]?.line}\n`)
    const nowhere = await make(`file:${join(directory, 'missing', 'audit.jsonl')}`).deliver(records(1))
    expect(nowhere).toMatchObject({ ok: false, fault: { code: 'audit_stream_unreachable' } })
  })

  const listen = async (server: Server | HttpServer): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => server.close())
    return (server.address() as AddressInfo).port
  }

  /** Octet counting, as RFC 6587 has it. */
  const framesOf = (bytes: Buffer): string[] => {
    const frames: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const blank = bytes.indexOf(0x20, at)
      const length = Number(bytes.subarray(at, blank).toString())
      expect(length).toBeGreaterThan(0)
      frames.push(bytes.subarray(blank + 1, blank + 1 + length).toString())
      at = blank + 1 + length
    }
    return frames
  }
  const form =
    /^<109>1 2026-11-23T11:00:00\.123Z keys\.example aideon-keys 7 service_key\.rename - (\{.*\})$/s

  test('syslog over TCP: messages of RFC 5424, each by its length', async () => {
    const received = Promise.withResolvers<Buffer>()
    const port = await listen(
      createServer((socket) => {
        const chunks: Buffer[] = []
        socket.on('data', (chunk: Buffer) => chunks.push(chunk))
        socket.on('end', () => received.resolve(Buffer.concat(chunks)))
      }),
    )
    expect(await make(`syslog+tcp://127.0.0.1:${port}`).deliver(records(3))).toEqual(success(undefined))
    const frames = framesOf(await received.promise)
    expect(frames.map((frame) => JSON.parse(form.exec(frame)?.[1] ?? '').sequence)).toEqual([1, 2, 3])
  })

  test.each<[string, (socket: Socket) => void]>([
    ['closes at once', (socket) => void socket.end()],
    ['is reset', (socket) => void socket.resetAndDestroy()],
    [
      'dies over what it has not read',
      (socket) => socket.pause() && setTimeout(() => socket.resetAndDestroy(), 20),
    ],
  ])('a receiver that %s has received nothing', async (_, behave) => {
    const port = await listen(
      createServer({ allowHalfOpen: true }, (socket) => behave(socket.on('error', () => {}))),
    )
    expect(await make(`syslog+tcp://127.0.0.1:${port}`).deliver(records(200))).toMatchObject({ ok: false })
  })

  test('syslog over TLS: to who proves its name, and nothing to anybody else', async () => {
    const chunks: Buffer[] = []
    const server = createTlsServer(localhostCertificate, (socket) => {
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    })
    server.on('tlsClientError', () => {})
    const port = await listen(server)
    outbound.allow([`localhost:${port}`])
    const sink = make(`syslog+tls://localhost:${port}`)
    const outcome = await sink.deliver(records(2))
    expect(outcome).toMatchObject({ ok: false, fault: { code: 'audit_stream_unreachable' } })
    expect(chunks).toEqual([])
    const usual = getCACertificates('default')
    setDefaultCACertificates([...usual, localhostCertificate.cert])
    expect(await sink.deliver(records(2))).toEqual(success(undefined))
    setDefaultCACertificates(usual)
    outbound.allow(['127.0.0.1'])
    expect(framesOf(Buffer.concat(chunks)).map((frame) => form.test(frame))).toEqual([true, true])
  })

  test('syslog over UDP: a message each; one that is too long keeps its place and its hash', async () => {
    const socket = createSocket('udp4')
    const messages: string[] = []
    const whole = new Promise<void>((resolve) => {
      socket.on('message', (message) => {
        if (messages.push(message.toString()) === 3) resolve()
      })
    })
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    closers.push(() => socket.close())
    const sink = make(`syslog+udp://127.0.0.1:${socket.address().port}`)
    expect(await sink.deliver([...records(2), ...records(1, 'x'.repeat(20_000))])).toEqual(success(undefined))
    await whole
    expect(messages.map((message) => JSON.parse(form.exec(message)?.[1] ?? ''))).toEqual([
      expect.objectContaining({ sequence: 1, text: 'ä\n<1>2 x' }),
      expect.objectContaining({ sequence: 2 }),
      { sequence: 1, hash: 'ab', omitted: 'text' },
    ])
  })

  test('a webhook is signed, has the same id when it is sent again, and counts only when it is taken', async () => {
    const calls: { headers: IncomingMessage['headers']; body: string }[] = []
    let status = 500
    const port = await listen(
      createHttpServer((request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          calls.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
          response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end()
        })
      }),
    )
    const sink = make(`http://127.0.0.1:${port}/audit?token=hunter2`)
    expect(sink.name).not.toContain('hunter2')
    const refused = [await sink.deliver(records(2))]
    status = 302
    refused.push(await sink.deliver(records(2)))
    status = 204
    expect(await sink.deliver(records(2))).toEqual(success(undefined))
    expect(refused.map((outcome) => !outcome.ok && outcome.fault.code)).toEqual(
      Array(2).fill('audit_stream_unreachable'),
    )
    expect(JSON.stringify(refused)).not.toContain('hunter2')
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    const { headers, body } = calls[2] as (typeof calls)[number]
    const [id, at] = [String(headers['webhook-id']), Number(headers['webhook-timestamp'])]
    expect(headers['webhook-signature']).toBe(signatureOf(secret, id, at, body))
    expect(JSON.parse(body)).toMatchObject({ data: { records: [{ sequence: 1 }, { sequence: 2 }] } })
  })

  test('a private address takes nothing unless the operator lists it', async () => {
    const guarded = makeOutbound()
    for (const reference of [
      'syslog+tcp://127.0.0.1:9',
      'syslog+udp://localhost:9',
      'http://127.0.0.1:9/x',
    ]) {
      const sink = parseSink(reference, { ...parts, outbound: guarded })
      expect(typeof sink === 'string' ? sink : await sink.deliver(records(1))).toMatchObject({ ok: false })
    }
    await guarded.close()
  })

  test.each([
    'file:relative',
    'ftp://example.com/x',
    'syslog+tls://user:hunter2@example.com',
    'syslog+tls://example.com/path',
    'https://user:hunter2@example.com/x',
    'hunter2',
  ])('%s is no place', (reference) => {
    const sink = parseSink(reference, parts)
    expect(sink).toEqual(expect.any(String))
    expect(sink).not.toContain('hunter2')
  })

  test('what stands in a file is the trail: it is checked without us', async () => {
    const path = join(directory, 'kept.jsonl')
    writeFileSync(path, '')
    await until(streaming([make(`file:${path}`)]))
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const entries = lines.filter(({ type }) => type === 'audit.entry')
    expect(entries.length).toBeGreaterThan(20)
    for (const entry of entries) expect(JSON.parse(entry.text)).toEqual(entry.entry)
    expect(readFileSync(path, 'utf8')).toMatch(/^[\x20-\x7e\n]*$/)
    expect(lines.some(({ type }) => type === 'audit.checkpoint')).toBe(true)
  })
})
