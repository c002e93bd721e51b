import { createSocket } from 'node:dgram'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { type Outcome, success } from '../kit/fault.ts'
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
      if (protocol === 'udp')
        return sendDatagrams(
          address,
          lookup.value,
          records.map((record) => syslogDatagram(record, hostName, pid)),
          name,
        )
      const frames = records.map((record) => syslogFrame(syslogMessage(record, hostName, pid))).join('')
      return sendStream(address, lookup.value, frames, { name, timeoutMs })
    },
  }
}

/** What a receiver that closes at once, without reading, needs to be noticed. */
const settleMs = 50

/**
 * Syslog has no answers. So each delivery is a connection of its own, which we end, and the receiver after us when it has read to
 * our end: only then nothing of it can be lost in a buffer on the way. What breaks before is sent again.
 */
const sendStream = (
  { protocol, host, port }: SyslogAddress,
  lookup: LookupFunction,
  frames: string,
  { name, timeoutMs }: { name: string; timeoutMs: number },
): Promise<Outcome<void>> =>
  new Promise((resolve) => {
    let isOver = false
    let isEnded = false
    const done = (outcome: Outcome<void>) => {
      isOver = true
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => done(sinkFailure(`${name} did not take the records in time.`)), timeoutMs)
    const end = () => {
      if (isOver) return
      isEnded = true
      socket.end()
    }
    const send = () => {
      // What comes back is not for us, but has to be read for its end to come.
      socket.resume()
      socket.write(frames, () => setTimeout(end, settleMs))
    }
    const socket: Socket =
      protocol === 'tls'
        ? connectSecurely({ host, port, lookup, ...(isIP(host) === 0 ? { servername: host } : {}) }, send)
        : connect({ host, port, lookup }, send)
    // The text of an error may hold what was sent; its code does not.
    socket.once('error', (error) => done(sinkFailure(`${name} cannot be reached (${codeOf(error)}).`)))
    socket.once('end', () => {
      if (!isEnded) done(sinkFailure(`${name} closed the connection.`))
    })
    socket.once('close', () =>
      done(isEnded ? success(undefined) : sinkFailure(`${name} closed the connection.`)),
    )
  })

/** Nobody says whether a datagram arrived: what the network took counts. */
const sendDatagrams = (
  { host, port }: SyslogAddress,
  lookup: LookupFunction,
  datagrams: readonly Buffer[],
  name: string,
): Promise<Outcome<void>> =>
  new Promise((resolve) => {
    const family = isIP(host) === 6 ? 6 : 4
    const socket = createSocket({
      type: `udp${family}`,
      // A socket of one family: an address of the other one is none for it.
      lookup: (hostname, _, callback) =>
        hostname === host
          ? lookup(hostname, { family }, (error, found) => callback(error, found as string, family))
          : // Its own end.
            callback(null, hostname, family),
    })
    const done = (outcome: Outcome<void>) => {
      socket.close()
      resolve(outcome)
    }
    socket.once('error', (error) => done(sinkFailure(`${name} cannot be reached (${codeOf(error)}).`)))
    socket.connect(port, host, () => {
      const send = (index: number): void => {
        const datagram = datagrams[index]
        if (datagram === undefined) return done(success(undefined))
        socket.send(datagram, (error) =>
          error ? done(sinkFailure(`${name} cannot be reached (${codeOf(error)}).`)) : send(index + 1),
        )
      }
      send(0)
    })
  })

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : 'unknown error')
