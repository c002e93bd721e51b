import type { Checkpoint, IsSigned } from './chain.ts'

/** What was kept elsewhere of a chain: that at this place it had this hash, and perhaps our signature under it. */
export interface KeptPoint {
  readonly organizationId: string
  readonly sequence: bigint
  readonly hash: Buffer
  readonly checkpoint: Checkpoint | null
}

export const keptProblems = {
  kept_missing: 'it was kept elsewhere and is not there any more: the chain was cut off',
  kept_differs: 'it is not what was kept of it: the chain was written anew',
  kept_signature: 'the kept checkpoint was not signed by its key: the file was changed',
  kept_key: 'the kept checkpoint was signed by a key that is not one of this vault: the keys were exchanged',
} as const

export interface KeptProblem {
  readonly organizationId: string
  readonly sequence: bigint
  readonly kind: keyof typeof keptProblems
}

/**
 * Reads an export, a streamed file, what `audit checkpoint` printed, or the reply of a verification. Gives back null where a
 * line is none of them: what cannot be read must not count as compared.
 */
export const parseKept = (text: string): KeptPoint[] | null => {
  const whole = objectOf(text)
  if (Array.isArray(whole?.['chains'])) return chainPoints(whole['chains'])
  const points: KeptPoint[] = []
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  for (const line of lines) {
    const found = pointsOf(objectOf(line))
    // A sink that was cut off within a line went on with the next one, and has it whole further on.
    if (found === null && line.startsWith('{"type":"audit.') && !line.endsWith('}')) continue
    if (found === null) return null
    points.push(...found)
  }
  return points
}

/** Against the hashes that the chains have now at the same places; undefined: there is nothing. */
export const keptPointProblem = (
  point: KeptPoint,
  hash: Buffer | undefined,
  isSigned: IsSigned,
): KeptProblem | null => {
  const { organizationId, sequence, checkpoint } = point
  const problem = (kind: KeptProblem['kind']): KeptProblem => ({ organizationId, sequence, kind })
  if (hash === undefined) return problem('kept_missing')
  if (!hash.equals(point.hash)) return problem('kept_differs')
  if (checkpoint === null) return null
  const signed = isSigned(checkpoint)
  return signed === null ? problem('kept_key') : signed ? null : problem('kept_signature')
}

type Json = Readonly<Record<string, unknown>>

const chainPoints = (chains: readonly unknown[]): KeptPoint[] | null => {
  const points: KeptPoint[] = []
  for (const chain of chains) {
    const { organizationId, checkpoint } = (chain ?? {}) as Json
    if (checkpoint === null) continue
    const point = pointOf({ ...(checkpoint as Json), organizationId })
    if (point === null) return null
    points.push(point)
  }
  return points
}

/** A line of an export has its checkpoint within. */
const pointsOf = (line: Json | null): KeptPoint[] | null => {
  if (line === null) return null
  const own = pointOf(line)
  if (own === null) return null
  if (line['checkpoint'] === undefined) return [own]
  const signed = pointOf({ ...(line['checkpoint'] as Json), organizationId: line['organizationId'] })
  return signed === null ? null : [own, signed]
}

const pointOf = (line: Json): KeptPoint | null => {
  const { organizationId, sequence, hash, at, signingKeyId, signature } = line
  if (typeof organizationId !== 'string' || !/^[0-9a-f-]{36}$/.test(organizationId)) return null
  if (typeof sequence !== 'string' || !/^[1-9]\d{0,17}$/.test(sequence)) return null
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return null
  const point = { organizationId, sequence: BigInt(sequence), hash: Buffer.from(hash, 'hex') }
  if (signature === undefined) return { ...point, checkpoint: null }
  if (typeof signature !== 'string' || typeof signingKeyId !== 'string' || typeof at !== 'string') return null
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) return null
  return {
    ...point,
    checkpoint: { ...point, at: time, signingKeyId, signature: Buffer.from(signature, 'base64') },
  }
}

const objectOf = (text: string): Json | null => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null
  } catch {
    return null
  }
}
