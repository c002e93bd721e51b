import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readParts, replacePart } from './multipart.ts'

const boundary = 'b0undary'
const type = `multipart/form-data; boundary=${boundary}`
const name = fc.stringMatching(/^[a-z_]{1,12}$/)
const value = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const part = fc.record({
  name,
  value,
  filename: fc.option(fc.stringMatching(/^[\w. -]{0,20}$/), { nil: null }),
})
const bytesOf = (parts: readonly { name: string; value: Buffer; filename: string | null }[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap((p) => [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${p.name}"`),
      Buffer.from(`${p.filename === null ? '' : `; filename="${p.filename}"`}\r\n\r\n`),
      p.value,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--`),
  ])

test('any form is read as it was written, and a replaced value changes nothing else', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.nat(), (parts, which) => {
      const body = bytesOf(parts)
      const read = readParts(body, type)
      if (!read.ok) throw new Error(read.fault.message)
      expect(
        read.value.map((p) => [p.name, p.filename, body.subarray(p.start, p.end).toString('hex')]),
      ).toEqual(parts.map((p) => [p.name, p.filename, p.value.toString('hex')]))
      const index = which % parts.length
      const replaced = replacePart(body, read.value[index] as (typeof read.value)[number], 'another')
      const expected = bytesOf(
        parts.map((p, at) => (at === index ? { ...p, value: Buffer.from('another') } : p)),
      )
      expect(replaced.equals(expected)).toBe(true)
    }),
  )
})

test('any bytes are read or refused, in no time', () => {
  const shred = fc.constantFrom(
    '--b0undary',
    '\r\n',
    '--',
    'Content-Disposition: form-data; name="a"',
    '"',
    ';',
    'x',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(shred, fc.string({ maxLength: 5 })), { maxLength: 40 }), (pieces) => {
      const read = readParts(Buffer.from(pieces.join('')), type)
      expect(read.ok || read.fault.code === 'malformed_multipart').toBe(true)
    }),
    { numRuns: 1_000 },
  )
  const started = performance.now()
  readParts(Buffer.from(`--b0undary\r\nContent-Disposition: form-data; name="${'\\"'.repeat(2_000)}`), type)
  readParts(Buffer.concat([Buffer.from('--b0undary'), Buffer.alloc(20_000_000, '\r\n--b0undar')]), type)
  readParts(Buffer.from('x'), `multipart/form-data${'; boundary='.repeat(1_000)}`)
  expect(performance.now() - started).toBeLessThan(20_000)
})

const head = `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nm`
const ambiguous: [what: string, body: string, contentType?: string][] = [
  ['no boundary', `${head}\r\n--${boundary}--`, 'multipart/form-data'],
  ['two boundaries', `${head}\r\n--${boundary}--`, `${type}; boundary=other`],
  ['bytes before the first part', `x\r\n${head}\r\n--${boundary}--`],
  ['bytes after the last part', `${head}\r\n--${boundary}--\r\nmore`],
  ['no end', `${head}\r\n--${boundary}\r\n`],
  ['an end within a part', head],
  ['a boundary that goes on', `${head}\r\n--${boundary}X--`],
  ['a part without a name', `--${boundary}\r\nContent-Disposition: form-data\r\n\r\nm\r\n--${boundary}--`],
  [
    'a part with two names',
    `--${boundary}\r\nContent-Disposition: form-data; name="a"; name="model"\r\n\r\nm\r\n--${boundary}--`,
  ],
  [
    'two dispositions',
    `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--${boundary}--`,
  ],
  [
    'an encoding',
    `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ==\r\n--${boundary}--`,
  ],
  ['too many parts', `${`${head}\r\n`.repeat(201)}--${boundary}--`],
]

test.each(ambiguous)('%s is refused with the fault of a form', (_, body, contentType = type) => {
  const read = readParts(Buffer.from(body), contentType)
  expect(read).toMatchObject({ ok: false, fault: { code: 'malformed_multipart' } })
})
