/**
 * CRC-32C (Castagnoli), with which Google Cloud KMS proves that nothing was changed on the way; zlib's `crc32` is
 * another polynomial. Reflected 0x1EDC6F41, RFC 3720 appendix B.4 has the test vectors.
 */
const table = new Uint32Array(256).map((_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

export const crc32c = (bytes: Uint8Array): number => {
  let value = 0xffffffff
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] as number) ^ (value >>> 8)
  return (value ^ 0xffffffff) >>> 0
}
