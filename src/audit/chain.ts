import { createHash } from 'node:crypto'

/** A link as it is stored. `text` is the entry as JSON, letter for letter what was hashed. */
export interface Link {
  readonly organizationId: string
  readonly sequence: bigint
  readonly text: string
  readonly previousHash: Buffer
  readonly hash: Buffer
}

/** A link beside what else the tables say at its place. */
export interface CheckedLink extends Link {
  /** Whether the entry's row is still what the text says; null: it is gone. */
  readonly agrees: boolean | null
  readonly checkpoint: Checkpoint | null
}

export interface Checkpoint {
  readonly organizationId: string
  readonly sequence: bigint
  readonly hash: Buffer
  readonly at: Date
  readonly signingKeyId: string
  readonly signature: Buffer
}

/** The end of a chain, as the next link builds on it. */
export interface Head {
  readonly organizationId: string
  readonly sequence: bigint
  readonly hash: Buffer
}

export const chainProblems = {
  sequence_gap: 'links are missing before it',
  previous_hash: 'it does not continue the link before it',
  hash: 'its hash is not that of its text',
  entry_changed: 'the entry was changed after it was linked',
  entry_missing: 'the entry is gone',
  entry_unlinked: 'there are entries that are in no link',
  head: 'the chain does not end where it was left',
  checkpoint_signature: 'the checkpoint was not signed by its key',
  checkpoint_hash: 'the checkpoint was signed over another link',
  checkpoint_key: 'the key of the checkpoint is not one of this vault',
} as const
export type ChainProblemKind = keyof typeof chainProblems

export interface ChainProblem {
  readonly organizationId: string
  /** The link where it was found; null: at the end of the chain. */
  readonly sequence: bigint | null
  readonly kind: ChainProblemKind
}

/** What the first link of an organization's chain has as the hash before it: no two chains begin alike. */
const firstHash = (organizationId: string): Buffer =>
  createHash('sha256').update(`aideon-keys audit trail of ${organizationId}`).digest()

const hashOfLink = (previousHash: Buffer, text: string): Buffer =>
  createHash('sha256').update(previousHash).update(text, 'utf8').digest()

/** What a checkpoint's signature is over. */
export const checkpointText = ({
  organizationId,
  sequence,
  hash,
  at,
}: Omit<Checkpoint, 'signature'>): string =>
  ['aideon-keys audit checkpoint 1', organizationId, sequence, hash.toString('hex'), at.toISOString()].join(
    '\n',
  )

/** Whether a checkpoint was signed by its key; null: that key is unknown. */
export type IsSigned = (checkpoint: Checkpoint) => boolean | null

/** Goes through one organization's links in their order, and tells what does not fit together. */
export const makeChainCheck = (organizationId: string, isSigned: IsSigned) => {
  const problems: ChainProblem[] = []
  let sequence = 0n
  let hash = firstHash(organizationId)
  const note = (kind: ChainProblemKind, at: bigint | null) =>
    void problems.push({ organizationId, sequence: at, kind })

  const checkCheckpoint = (checkpoint: Checkpoint, link: Link) => {
    const signed = isSigned(checkpoint)
    if (signed === null) note('checkpoint_key', link.sequence)
    else if (!signed) note('checkpoint_signature', link.sequence)
    if (!checkpoint.hash.equals(link.hash)) note('checkpoint_hash', link.sequence)
  }

  return {
    link(link: CheckedLink): void {
      if (link.sequence !== sequence + 1n) note('sequence_gap', link.sequence)
      else if (!link.previousHash.equals(hash)) note('previous_hash', link.sequence)
      if (!hashOfLink(link.previousHash, link.text).equals(link.hash)) note('hash', link.sequence)
      if (link.agrees === null) note('entry_missing', link.sequence)
      else if (!link.agrees) note('entry_changed', link.sequence)
      if (link.checkpoint !== null) checkCheckpoint(link.checkpoint, link)
      ;({ sequence, hash } = link)
    },
    /** After the last link. `unlinked`: how many entries are in none. */
    end(head: Head | null, unlinked: number): { links: bigint; problems: readonly ChainProblem[] } {
      const left = head ?? { sequence: 0n, hash: firstHash(organizationId) }
      if (left.sequence !== sequence || !left.hash.equals(hash)) note('head', null)
      if (unlinked > 0) note('entry_unlinked', null)
      return { links: sequence, problems }
    },
  }
}
