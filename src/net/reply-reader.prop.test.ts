import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeReplyReader, ReplyError } from './reply-reader.ts'

interface Read {
  status: number
  headers: Record<string, unknown>
  body: string
  ended: boolean
  reusable: boolean
}

/** Reads a reply that comes in these pieces; `closes`: the connection ends after them. */
const read = (pieces: readonly Buffer[], { closes = false, hasBody = true } = {}): Read => {
  const reader = makeReplyReader()
  const found: Read = { status: 0, headers: {}, body: '', ended: false, reusable: false }
  reader.begin(
    {
      onHead: (status, headers) => Object.assign(found, { status, headers: { ...headers } }),
      onBody: (chunk) => (found.body += chunk.toString('latin1')),
      onEnd: (reusable) => Object.assign(found, { ended: true, reusable }),
    },
    hasBody,
  )
  for (const piece of pieces) {
    // The buffer that sockets read into is used again.
    const shared = Buffer.from(piece)
    reader.push(shared)
    shared.fill(0x21)
  }
  if (closes) reader.end()
  return found
}
const whole = (text: string, options?: Parameters<typeof read>[1]) =>
  read([Buffer.from(text, 'latin1')], options)

const ok = 'HTTP/1.1 200 OK\r\n'
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`

describe('a reply that two readers could understand differently is an error', () => {
  test.each<[string, string]>([
    [
      'a length and chunks',
      `${ok}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    ],
    ['two lengths', `${ok}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`],
    ['the same length twice', `${ok}content-length: 3\r\ncontent-length: 3\r\n\r\nabc`],
    ['a list of lengths', `${ok}content-length: 3, 3\r\n\r\nabc`],
    ['a length with a sign', `${ok}content-length: +3\r\n\r\nabc`],
    ['a negative length', `${ok}content-length: -3\r\n\r\nabc`],
    ['a hexadecimal length', `${ok}content-length: 0x3\r\n\r\nabc`],
    ['a length after a no-break space', `${ok}content-length:\u00a03\r\n\r\nabc`],
    ['a length before a no-break space', `${ok}content-length: 3\u00a0\r\n\r\nabc`],
    ['a coding after a no-break space', `${ok}transfer-encoding:\u00a0chunked\r\n\r\n0\r\n\r\n`],
    ['an empty length', `${ok}content-length: \r\n\r\nabc`],
    ['a length no number holds', `${ok}content-length: 99999999999999999999\r\n\r\nabc`],
    ['an encoding before chunked', `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['chunked twice', `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an unknown encoding', `${ok}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', `${ok}x-a: b\r\n content-length: 3\r\n\r\nabc`],
    ['a space before the colon', `${ok}content-length : 3\r\n\r\nabc`],
    ['no colon', `${ok}content-length\r\n\r\nabc`],
    ['an empty name', `${ok}: 3\r\n\r\nabc`],
    ['a control character in a name', `${ok}x\u0001y: 3\r\n\r\nabc`],
    ['a NUL in a value', `${ok}x-a: b\u0000c\r\n\r\nabc`],
    ['a bare line feed between headers', `${ok}x-a: b\ncontent-length: 3\r\n\r\nabc`],
    ['a bare carriage return', `${ok}x-a: b\rcontent-length: 3\r\n\r\nabc`],
    ['another version', 'HTTP/2 200\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['bytes before it', `\r\n${ok}content-length: 0\r\n\r\n`],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n'],
    ['an informational reply with a body', `HTTP/1.1 103 E\r\ncontent-length: 3\r\n\r\nabc${ok}\r\n`],
    ['a chunk without a size', `${chunked}\r\nabc\r\n0\r\n\r\n`],
    ['a chunk’s size with a prefix', `${chunked}0x3\r\nabc\r\n0\r\n\r\n`],
    ['a chunk’s size with a sign', `${chunked}+3\r\nabc\r\n0\r\n\r\n`],
    ['a chunk’s size with a space', `${chunked}3 \r\nabc\r\n0\r\n\r\n`],
    ['a space before a chunk’s size', `${chunked} 3\r\nabc\r\n0\r\n\r\n`],
    ['a chunk’s size of nine digits', `${chunked}000000003\r\nabc\r\n0\r\n\r\n`],
    ['a chunk’s size that ends in a line feed', `${chunked}3\nabc\r\n0\r\n\r\n`],
    ['an extension with a line feed', `${chunked}3;a\nb\r\nabc\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', `${chunked}3\r\nabcd\r\n0\r\n\r\n`],
    ['a chunk that is shorter than it says', `${chunked}5\r\nabc\r\n0\r\n\r\n`],
    ['a trailer that is no header', `${chunked}0\r\nabc\r\n\r\n`],
    ['endless headers', `${ok}${'x-a: b\r\n'.repeat(5_000)}`],
    ['endless informational replies', 'HTTP/1.1 103 E\r\nlink: <a>\r\n\r\n'.repeat(2_000)],
    ['an endless extension', `${chunked}3;${'a'.repeat(300)}`],
    ['endless trailers', `${chunked}0\r\n${'x-a: b\r\n'.repeat(2_000)}`],
  ])('%s', (_, text) => {
    expect(() => whole(text)).toThrow(ReplyError)
    expect(() => read([...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte])))).toThrow(
      ReplyError,
    )
  })

  test.each([`${ok}content-length: 4\r\n\r\nabc`, `${chunked}3\r\nabc\r\n`, `${chunked}3\r\nab`, ok, ''])(
    'a connection that ends within it: %j',
    (text) => expect(() => whole(text, { closes: true })).toThrow(ReplyError),
  )

  test('bytes behind a reply end the connection’s use, not the reply', () => {
    expect(whole(`${ok}content-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n`)).toMatchObject({
      body: 'abc',
      ended: true,
      reusable: false,
    })
    const reader = makeReplyReader()
    expect(() => reader.push(Buffer.from('anything'))).toThrow(ReplyError)
  })
})

describe('a reply that is one', () => {
  test.each<[string, string, Parameters<typeof read>[1], Partial<Read>]>([
    ['with a length', `${ok}Content-Length: 3\r\n\r\nabc`, {}, { body: 'abc', ended: true, reusable: true }],
    [
      'until the connection ends',
      `${ok}\r\nabc`,
      { closes: true },
      { body: 'abc', ended: true, reusable: false },
    ],
    ['without a body', 'HTTP/1.1 204 No\r\n\r\n', {}, { status: 204, ended: true, reusable: true }],
    [
      'with blanks around its length',
      `${ok}content-length: \t 3 \t\r\n\r\nabc`,
      {},
      { body: 'abc', ended: true, reusable: true },
    ],
    ['to HEAD', `${ok}content-length: 9\r\n\r\n`, { hasBody: false }, { body: '', ended: true }],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na', {}, { ended: true, reusable: false }],
    [
      'that closes',
      `${ok}connection: Close\r\ncontent-length: 1\r\n\r\na`,
      {},
      { ended: true, reusable: false },
    ],
    ['without a phrase', 'HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na', {}, { status: 200, ended: true }],
    [
      'behind others',
      `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\na: b\r\n\r\n${ok}content-length: 0\r\n\r\n`,
      {},
      { status: 200, ended: true },
    ],
    [
      'with extensions and trailers',
      `${chunked}3;a="b"\r\nabc\r\n0\r\nx-t: 1\r\n\r\n`,
      {},
      { body: 'abc', ended: true, reusable: true },
    ],
    [
      'with repeated headers',
      `${ok}set-cookie: a\r\nset-cookie: b\r\n__proto__: c\r\ncontent-length: 0\r\n\r\n`,
      {},
      { ended: true },
    ],
  ])('%s', (_, text, options, expected) => expect(whole(text, options)).toMatchObject(expected))

  test('means the same however it is cut', () => {
    const chunk = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 12 }), fc.array(fc.nat()), (chunks, cuts) => {
        const bytes = chunks.map((text) => Buffer.from(text))
        const text = Buffer.concat([
          Buffer.from(chunked),
          ...bytes.flatMap((part) => [
            Buffer.from(`${part.length.toString(16)}\r\n`),
            part,
            Buffer.from('\r\n'),
          ]),
          Buffer.from('0\r\n\r\n'),
        ])
        const at = [0, ...cuts.map((cut) => cut % text.length).toSorted((a, b) => a - b), text.length]
        const pieces = at.slice(1).map((end, index) => text.subarray(at[index], end))
        expect(read(pieces)).toMatchObject({
          body: Buffer.concat(bytes).toString('latin1'),
          ended: true,
          reusable: true,
        })
      }),
    )
  })
})
