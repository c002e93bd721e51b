import { crc32 } from 'node:zlib'

/** A message of AWS's event stream encoding. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html */
export const eventStreamMessage = (headers: Readonly<Record<string, string>>, payload: string): Buffer => {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)))
  const body = Buffer.from(payload)
  const prelude = Buffer.alloc(8)
  prelude.writeUInt32BE(head.length + body.length + 16, 0)
  prelude.writeUInt32BE(head.length, 4)
  const begun = Buffer.concat([prelude, checksum(prelude), head, body])
  return Buffer.concat([begun, checksum(begun)])
}

/** Type 7 is a string. */
const header = (name: string, value: string): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(Buffer.byteLength(value))
  return Buffer.concat([
    Buffer.from([Buffer.byteLength(name)]),
    Buffer.from(name),
    Buffer.from([7]),
    length,
    Buffer.from(value),
  ])
}

const checksum = (bytes: Buffer): Buffer => {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes))
  return sum
}
