import { isIP } from 'node:net'
import { success } from '../kit/fault.ts'
import { sendAndEnd, sendDatagrams } from '../net/one-way.ts'
import type { Outbound } from '../net/outbound.ts'
import { sinkFailure } from './file-sink.ts'
import type { Sink } from './sink.ts'
import { syslogDatagram, syslogFrame, syslogMessage } from './syslog.ts'

export interface SyslogAddress {
  readonly protocol: 'tls' | 'tcp' | 'udp'
  readonly host: string
  readonly port: number
}

export interface SyslogParts {
  readonly outbound: Pick<Outbound, 'lookupFor'>
  readonly hostName: string
  readonly pid: number
  readonly timeoutMs?: number
}

const usualTimeoutMs = 10_000

/** Syslog has no answers, so each delivery is a connection of its own (src/net/one-way.ts). */
export const makeSyslogSink = (address: SyslogAddress, parts: SyslogParts): Sink => {
  const { protocol, host, port } = address
  const name = `syslog+${protocol}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  /** The guard knows http and https: what is not encrypted goes only to addresses that are listed. */
  const asUrl = name.replace(/^syslog\+\w+/, protocol === 'tls' ? 'https' : 'http')
  const { timeoutMs = usualTimeoutMs, hostName, pid } = parts

  return {
    name,
    kind: 'syslog',
    batchSize: 500,
    async deliver(records) {
      const lookup = parts.outbound.lookupFor(asUrl)
      if (!lookup.ok) return sinkFailure(`${name}: ${lookup.fault.message}`)
      const to = { host, port, lookup: lookup.value }
      const problem =
        protocol === 'udp'
          ? await sendDatagrams(
              to,
              records.map((record) => syslogDatagram(record, hostName, pid)),
            )
          : await sendAndEnd(
              to,
              records.map((record) => syslogFrame(syslogMessage(record, hostName, pid))).join(''),
              { isSecure: protocol === 'tls', timeoutMs },
            )
      return problem === null ? success(undefined) : sinkFailure(`${name} ${problem}.`)
    },
  }
}
