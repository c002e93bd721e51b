/**
 * Whether a reply repeats the credential it was asked with, as debugging proxies do. The service key of a system or an
 * organisation is not the caller's to see.
 */
export type LeakDetector = (chunk: Buffer) => boolean

/** Local model servers take any word for a key (`ollama`), and such a word may well be part of a reply. */
const shortestSecretBytes = 16

export const makeLeakDetector = (secret: Buffer): LeakDetector => {
  if (secret.length < shortestSecretBytes) return () => false
  const forms = formsOf(secret)
  const holds = (text: Buffer) => forms.some((form) => text.includes(form))
  const reach = Math.max(...forms.map((form) => form.length)) - 1
  let seam: Buffer | null = null
  return (chunk) => {
    if (holds(chunk)) return true
    // It may begin in one chunk and end in another.
    if (seam !== null && holds(Buffer.concat([seam, chunk.subarray(0, reach)]))) return true
    seam = seam === null || chunk.length >= reach ? chunk : Buffer.concat([seam, chunk])
    seam = seam.subarray(Math.max(0, seam.length - reach))
    return false
  }
}

/** As it is, and as it stands in JSON where that is not the same: most keys need one search. */
const formsOf = (secret: Buffer): readonly Buffer[] => {
  if (isSameInJson(secret)) return [secret]
  const inJson = Buffer.from(JSON.stringify(secret.toString('utf8')).slice(1, -1))
  return inJson.equals(secret) ? [secret] : [secret, inJson]
}

const isSameInJson = (secret: Buffer): boolean => {
  for (const byte of secret) if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false
  return true
}
