import type { Checkpoint, Link } from './chain.ts'

/** One thing that is delivered, in the order of its organization's chain. */
export interface StreamRecord {
  readonly kind: 'entry' | 'checkpoint'
  readonly organizationId: string
  readonly sequence: bigint
  readonly at: Date
  /** Of an entry, e.g. `service_key.revoked`. */
  readonly action: string
  /** One line of JSON, in ASCII. */
  readonly line: string
}

/**
 * `text` is a string, so that what was hashed survives whatever reads and writes JSON on the way; `entry` is the same as JSON,
 * for those who search.
 */
export const entryRecord = ({ organizationId, sequence, text, previousHash, hash }: Link): StreamRecord => {
  const entry = JSON.parse(text) as { at: string; action: string }
  return {
    kind: 'entry',
    organizationId,
    sequence,
    at: new Date(entry.at),
    action: entry.action,
    line: lineOf({
      type: 'audit.entry',
      organizationId,
      sequence: String(sequence),
      entry,
      text,
      previousHash: previousHash.toString('hex'),
      hash: hash.toString('hex'),
    }),
  }
}

/** Keeping these elsewhere is what finds a trail that was cut off. */
export const checkpointRecord = (checkpoint: Checkpoint): StreamRecord => ({
  kind: 'checkpoint',
  organizationId: checkpoint.organizationId,
  sequence: checkpoint.sequence,
  at: checkpoint.at,
  action: 'audit.checkpoint',
  line: checkpointLine(checkpoint),
})

export const checkpointLine = ({
  organizationId,
  sequence,
  hash,
  at,
  signingKeyId,
  signature,
}: Checkpoint): string =>
  lineOf({
    type: 'audit.checkpoint',
    organizationId,
    sequence: String(sequence),
    hash: hash.toString('hex'),
    at: at.toISOString(),
    signingKeyId,
    signature: signature.toString('base64'),
  })

/** Every reader of lines agrees on ASCII, and none takes a character for the end of one. */
const lineOf = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
