import { createSocket } from 'node:dgram'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

/** Ways out for protocols that are no HTTP and have no answers. `lookup` is `Outbound.lookupFor` of the same address. */
export interface OneWay {
  readonly host: string
  readonly port: number
  readonly lookup: LookupFunction
}

/** What a receiver that closes at once, without reading, needs to be noticed. */
const settleMs = 50

/**
 * A connection of its own, which we end, and the receiver after us when it has read to our end: only then nothing of it can be
 * lost in a buffer on the way. Null: it has all; otherwise what went wrong, to end a sentence.
 */
export const sendAndEnd = (
  { host, port, lookup }: OneWay,
  text: string,
  { isSecure, timeoutMs }: { readonly isSecure: boolean; readonly timeoutMs: number },
): Promise<string | null> =>
  new Promise((resolve) => {
    let isOver = false
    let isEnded = false
    const done = (problem: string | null) => {
      isOver = true
      clearTimeout(timer)
      socket.destroy()
      resolve(problem)
    }
    const timer = setTimeout(() => done('did not take it in time'), timeoutMs)
    const end = () => {
      if (isOver) return
      isEnded = true
      socket.end()
    }
    const send = () => {
      // What comes back is not for us, but has to be read for its end to come.
      socket.resume()
      socket.write(text, () => setTimeout(end, settleMs))
    }
    const socket: Socket = isSecure
      ? connectSecurely({ host, port, lookup, ...(isIP(host) === 0 ? { servername: host } : {}) }, send)
      : connect({ host, port, lookup }, send)
    socket.once('error', (error) => done(unreachable(error)))
    socket.once('end', () => {
      if (!isEnded) done('closed the connection')
    })
    socket.once('close', () => done(isEnded ? null : 'closed the connection'))
  })

/** Nobody says whether a datagram arrived: what the network took counts. */
export const sendDatagrams = (
  { host, port, lookup }: OneWay,
  datagrams: readonly Buffer[],
): Promise<string | null> =>
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
    const done = (problem: string | null) => {
      socket.close()
      resolve(problem)
    }
    socket.once('error', (error) => done(unreachable(error)))
    socket.connect(port, host, () => {
      const send = (index: number): void => {
        const datagram = datagrams[index]
        if (datagram === undefined) return done(null)
        socket.send(datagram, (error) => (error ? done(unreachable(error)) : send(index + 1)))
      }
      send(0)
    })
  })

/** The text of an error may hold what was sent; its code does not. */
const unreachable = (error: Error): string =>
  `cannot be reached (${'code' in error ? String(error.code) : 'unknown error'})`
