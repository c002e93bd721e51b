import { createHash } from 'node:crypto'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import { makeFileSink, makeStdoutSink } from './file-sink.ts'
import type { Sink } from './sink.ts'
import { makeSyslogSink } from './syslog-sink.ts'
import { makeWebhookSink } from './webhook-sink.ts'

export interface SinkParts {
  readonly signingSecret: string | null
  readonly outbound: Pick<Outbound, 'request' | 'lookupFor'>
  readonly clock: Clock
  readonly hostName: string
  readonly pid: number
}

/** All places of the setting; the first that is none is told. */
export const openSinks = (references: readonly string[], parts: SinkParts): Outcome<Sink[]> => {
  const sinks: Sink[] = []
  for (const reference of new Set(references)) {
    const sink = parseSink(reference, parts)
    if (typeof sink === 'string')
      return failure('audit_stream_unreachable', {
        message: `AIDEON_AUDIT_STREAM cannot be used: ${sink}.`,
        next: 'Correct it (docs/audit.md).',
      })
    if (sinks.some(({ name }) => name === sink.name))
      return failure('audit_stream_unreachable', {
        message: 'AIDEON_AUDIT_STREAM names a place twice.',
        next: 'Name each once (docs/audit.md).',
      })
    sinks.push(sink)
  }
  return success(sinks)
}

/** RFC 5425, RFC 6587 (which names none of its own) and RFC 5426. */
const usualPorts = { tls: 6514, tcp: 601, udp: 514 } as const

/**
 * `file:/path`, `stdout`, `syslog+tls://host[:port]`, `syslog+tcp://…`, `syslog+udp://…` or `https://…`. A text says what is
 * wrong with it, without repeating it.
 */
export const parseSink = (reference: string, parts: SinkParts): Sink | string => {
  if (reference === 'stdout') return makeStdoutSink()
  if (reference.startsWith('file:')) {
    const path = /^file:(?:\/\/)?(\/(?!\/)[^\0]+)$/.exec(reference)?.[1]
    return path === undefined ? 'the path of a file must begin with /' : makeFileSink(path)
  }
  const url = URL.parse(reference)
  if (url === null) return 'a place must be file:/path, stdout, syslog+tls://host or https://…'
  if (url.username || url.password) return 'credentials must not stand in an address'
  const protocol = /^syslog\+(tls|tcp|udp):$/.exec(url.protocol)?.[1] as keyof typeof usualPorts | undefined
  if (protocol !== undefined) {
    if (!url.hostname || !/^\/?$/.test(url.pathname) || url.search || url.hash)
      return 'a syslog address must be syslog+tls://host or syslog+tls://host:port'
    const port = Number(url.port) || usualPorts[protocol]
    return makeSyslogSink({ protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port }, parts)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'a place must be file:/path, stdout, syslog+tls://host or https://…'
  if (parts.signingSecret === null) return 'a webhook needs AIDEON_AUDIT_STREAM_SECRET to be signed with'
  const { signingSecret, outbound, clock } = parts
  return makeWebhookSink({ url, name: nameOf(url), signingSecret, outbound, clock })
}

/** A query may hold a token: it tells two places apart, and is not shown. */
const nameOf = ({ origin, pathname, search }: URL): string =>
  search === ''
    ? origin + pathname
    : `${origin}${pathname}?${createHash('sha256').update(search).digest('hex').slice(0, 8)}`
