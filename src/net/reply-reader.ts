/**
 * Reads one HTTP/1.1 reply after another from a connection, as narrowly as RFC 9112 allows: whatever two readers could
 * understand differently (two framings, two lengths, folded lines, bare line ends, unusual chunk sizes) is an error.
 */
export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface ReplyHandlers {
  onHead(status: number, headers: ReplyHeaders): void
  /** A copy of its own. */
  onBody(chunk: Buffer): void
  /** `reusable`: the connection may carry another request. */
  onEnd(reusable: boolean): void
}

export interface ReplyReader {
  /** Begins a reply; what it brings goes to `handlers`. */
  begin(handlers: ReplyHandlers, hasBody: boolean): void
  /** Throws a ReplyError for what is no reply. The bytes may be overwritten afterwards. */
  push(bytes: Buffer): void
  /** The connection ended in good order: the end of a reply without a length, an error within any other. */
  end(): void
}

export class ReplyError extends Error {
  readonly code = 'ERR_REPLY_INVALID'
}

const maximumHeadBytes = 32 * 1024
const maximumTrailerBytes = 8 * 1024
const maximumExtensionBytes = 256

type State =
  | 'idle'
  | 'head'
  | 'length'
  | 'until-close'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'

const cr = 0x0d
const lf = 0x0a
const headEnd = Buffer.from('\r\n\r\n')

export const makeReplyReader = (): ReplyReader => {
  let state: State = 'idle'
  let handlers: ReplyHandlers | null = null
  let hasBody = true
  let reusable = false
  /** Of the head or the trailer that is not complete yet. */
  let begun: Buffer | null = null
  let headBytes = 0
  let trailer = ''
  /** Of the body by its length, or of the chunk. */
  let left = 0
  let digits = 0
  let extension = 0

  const finish = (isExcess: boolean) => {
    const done = handlers
    state = 'idle'
    handlers = null
    done?.onEnd(reusable && !isExcess)
  }

  /** Informational replies and the one that counts; gives the offset behind it in what there is now. */
  const readHeads = (given: Buffer): [Buffer, number] => {
    const bytes = begun === null ? given : Buffer.concat([begun, given])
    let at = 0
    for (;;) {
      const end = bytes.indexOf(headEnd, at)
      if (headBytes + (end === -1 ? bytes.length : end) - at > maximumHeadBytes)
        throw new ReplyError('The headers are too large.')
      if (end === -1) {
        begun = Buffer.from(bytes.subarray(at))
        return [bytes, bytes.length]
      }
      headBytes += end + headEnd.length - at
      const isLast = takeHead(parseHead(bytes.toString('latin1', at, end)))
      at = end + headEnd.length
      if (!isLast) continue
      begun = null
      return [bytes, at]
    }
  }

  /** False: informational, another one follows. */
  const takeHead = ({ status, minor, headers }: Head): boolean => {
    const length = lengthOf(headers)
    const isChunked = chunkedOf(headers, minor)
    if (status < 200) {
      if (status === 101 || length !== null || isChunked) throw new ReplyError('No such reply was asked for.')
      return false
    }
    reusable = minor === 1 && !/close|upgrade/i.test(String(headers.connection ?? ''))
    if (!hasBody || status === 204 || status === 304) {
      state = 'length'
      left = 0
    } else if (isChunked) startChunk()
    else if (length === null) {
      state = 'until-close'
      reusable = false
    } else {
      state = 'length'
      left = length
    }
    handlers?.onHead(status, headers)
    return true
  }

  const startChunk = () => {
    state = 'size'
    left = 0
    digits = 0
    extension = 0
  }

  /** Everything of a chunk but its data, byte by byte. */
  const step = (byte: number) => {
    if (state === 'size' || state === 'extension') return stepSize(byte)
    if (state === 'size-lf') {
      if (byte !== lf) throw new ReplyError('A chunk’s size does not end its line.')
      state = left > 0 ? 'data' : 'trailer'
      trailer = ''
    } else if (state === 'data-cr') {
      if (byte !== cr) throw new ReplyError('A chunk is longer than it says.')
      state = 'data-lf'
    } else if (state === 'data-lf') {
      if (byte !== lf) throw new ReplyError('A chunk is longer than it says.')
      startChunk()
    } else {
      trailer += String.fromCharCode(byte)
      if (trailer.length > maximumTrailerBytes) throw new ReplyError('The trailers are too large.')
    }
  }

  const stepSize = (byte: number) => {
    if (byte === cr) {
      if (digits === 0) throw new ReplyError('A chunk has no size.')
      state = 'size-lf'
    } else if (state === 'extension') {
      if (++extension > maximumExtensionBytes || !isText(byte))
        throw new ReplyError('A chunk’s extension is not valid.')
    } else if (byte === 0x3b && digits > 0) state = 'extension'
    else {
      const digit = hexDigit(byte)
      if (digit === -1 || ++digits > 8) throw new ReplyError('A chunk’s size is not valid.')
      left = left * 16 + digit
    }
  }

  const isTrailerOver = (): boolean => {
    if (!trailer.endsWith('\r\n')) return false
    if (trailer === '\r\n') return true
    if (!trailer.endsWith('\r\n\r\n')) return false
    parseHeaders(trailer.slice(0, -4))
    return true
  }

  /** The data of all chunks in `bytes`, as one buffer. */
  const readChunks = (bytes: Buffer, from: number): number => {
    let body: Buffer | null = null
    let used = 0
    let at = from
    const deliver = () => {
      if (body !== null && used > 0) handlers?.onBody(body.subarray(0, used))
    }
    while (at < bytes.length) {
      if (state === 'data') {
        const end = Math.min(at + left, bytes.length)
        body ??= Buffer.allocUnsafe(bytes.length - at)
        used += bytes.copy(body, used, at, end)
        left -= end - at
        at = end
        if (left === 0) state = 'data-cr'
        continue
      }
      step(bytes[at++] as number)
      if (state === 'trailer' && isTrailerOver()) {
        deliver()
        finish(at < bytes.length)
        return bytes.length
      }
    }
    deliver()
    return at
  }

  const readLength = (bytes: Buffer, at: number): number => {
    const end = Math.min(at + left, bytes.length)
    left -= end - at
    if (end > at) handlers?.onBody(Buffer.from(bytes.subarray(at, end)))
    if (left === 0) finish(end < bytes.length)
    return bytes.length
  }

  return {
    begin(next, expectsBody) {
      handlers = next
      hasBody = expectsBody
      state = 'head'
      begun = null
      headBytes = 0
    },
    push(given) {
      let bytes = given
      let at = 0
      if (state === 'head') [bytes, at] = readHeads(bytes)
      if (state === 'idle') throw new ReplyError('Nothing was asked for.')
      if (state === 'head') return
      // Without a body there is nothing that could bring its end.
      if (state === 'length') readLength(bytes, at)
      else if (state === 'until-close') {
        if (at < bytes.length) handlers?.onBody(Buffer.from(bytes.subarray(at)))
      } else readChunks(bytes, at)
    },
    end() {
      if (state !== 'until-close') throw new ReplyError('The connection ended within a reply.')
      finish(false)
    },
  }
}

interface Head {
  readonly status: number
  readonly minor: number
  readonly headers: ReplyHeaders
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const headerLines = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*(?:\r\n|$))*$/

const parseHead = (text: string): Head => {
  const end = text.indexOf('\r\n')
  const found = statusLine.exec(end === -1 ? text : text.slice(0, end))
  if (found === null) throw new ReplyError('The reply does not begin as HTTP/1.1.')
  const lines = end === -1 ? '' : text.slice(end + 2)
  return { minor: Number(found[1]), status: Number(found[2]), headers: parseHeaders(lines) }
}

/** All lines are looked at together: a match for each costs more than all else that is done with it. */
const parseHeaders = (lines: string): ReplyHeaders => {
  if (!headerLines.test(lines)) throw new ReplyError('A header is not valid.')
  // A service names these: also `__proto__` is one.
  const headers: Record<string, string | string[] | undefined> = Object.create(null)
  for (let at = 0; at < lines.length; ) {
    const lineEnd = lines.indexOf('\r\n', at)
    const end = lineEnd === -1 ? lines.length : lineEnd
    const colon = lines.indexOf(':', at)
    const name = lines.slice(at, colon).toLowerCase()
    const value = withoutBlanks(lines, colon + 1, end)
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else headers[name] = [...(Array.isArray(before) ? before : [before]), value]
    at = end + 2
  }
  return headers
}

/** Without the spaces and tabs around it, and nothing else: to `trim` a no-break space is one, too, to other readers it is not. */
const withoutBlanks = (text: string, from: number, to: number): string => {
  let [start, end] = [from, to]
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

const lengthOf = ({ 'content-length': length }: ReplyHeaders): number | null => {
  if (length === undefined) return null
  if (typeof length !== 'string' || !/^\d{1,15}$/.test(length))
    throw new ReplyError('The reply has no one length.')
  return Number(length)
}

const chunkedOf = (headers: ReplyHeaders, minor: number): boolean => {
  const encoding = headers['transfer-encoding']
  if (encoding === undefined) return false
  if (minor === 0 || headers['content-length'] !== undefined || String(encoding).toLowerCase() !== 'chunked')
    throw new ReplyError('The reply’s framing is ambiguous.')
  return true
}

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const isText = (byte: number): boolean => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)
