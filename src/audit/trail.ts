import type { Database } from '../db/database.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import { inSnapshot } from '../db/transaction.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, must } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Vault } from '../vault/vault.ts'
import type { Actor } from './audit.ts'
import {
  type ChainProblem,
  type CheckedLink,
  type Checkpoint,
  type IsSigned,
  makeChainCheck,
} from './chain.ts'
import { keptPointProblem, type KeptPoint, type KeptProblem } from './kept.ts'
import { isSignedBy, newSigningKey, openSigner, type Signer } from './signer.ts'
import {
  chainOwners,
  insertCheckpoints,
  insertSigningKey,
  readEnd,
  readHashes,
  readLinks,
  readNewestCheckpoints,
  readSigningKeys,
  readTrail,
  unsignedHeads,
} from './store.ts'

export interface TrailFilter {
  readonly organizationId?: string | undefined
  /** The whole action, or what stands before its dot. */
  readonly action?: string | undefined
  readonly subjectKind?: string | undefined
  readonly subjectId?: string | undefined
  readonly actorId?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

export interface TrailRow {
  readonly id: string
  readonly organizationId: string
  readonly organizationName: string
  readonly at: Date
  readonly actorKind: Actor['kind']
  readonly actorId: string | null
  readonly actorEmail: string | null
  readonly accessTokenId: string | null
  readonly action: string
  readonly subjectKind: string
  readonly subjectId: string
  readonly subjectEmail: string | null
  readonly before: unknown
  readonly after: unknown
  readonly reason: string | null
  readonly sequence: bigint
  /** Hexadecimal. */
  readonly hash: string
}

export interface TrailVerification {
  readonly ok: boolean
  readonly chains: readonly {
    readonly organizationId: string
    readonly links: bigint
    /** The newest signed one. */
    readonly checkpoint: Checkpoint | null
  }[]
  /** The first hundred. */
  readonly problems: readonly ChainProblem[]
  readonly problemCount: number
  /** By which the checkpoints were signed, each SPKI in base64: compare them with what you wrote down. */
  readonly signingKeys: readonly { readonly id: string; readonly publicKey: string }[]
}

export interface AuditTrail {
  /** Newest first. */
  list(filter: TrailFilter, page: { before: string | null; limit: number }): Promise<TrailRow[]>
  /** In their order, chain after chain. */
  links(organizationId?: string): AsyncGenerator<CheckedLink>
  /** Proves from one snapshot that no entry was changed, left out or put in, of one organization or of all. */
  verify(organizationId?: string): Promise<TrailVerification>
  /** Whether what was kept elsewhere is still there, as it was. */
  compare(kept: readonly KeptPoint[]): Promise<KeptProblem[]>
  /** The newest of each chain: what is worth keeping elsewhere. */
  checkpoints(): Promise<Checkpoint[]>
  /** Signs the end of every chain that has grown since it was signed. Gives back how many. */
  signCheckpoints(): Promise<number>
}

const problemsShown = 100

export const makeAuditTrail = (parts: {
  database: Database
  vault: Vault
  clock: Clock
  log: Log
}): AuditTrail => {
  const { database, vault, clock, log } = parts

  const signers = async (): Promise<Signer[]> => {
    const problem = vault.problem()
    // Sealed: whether a signature is ours cannot be told now, which is not the same as that it is not.
    if (problem !== null) throw new FaultError(problem)
    const sealed = await readSigningKeys(database)
    const opened = await Promise.all(sealed.map((key) => openSigner(vault, key)))
    return opened.filter((one) => one !== null)
  }

  /** Of processes that make one at the same time each keeps its own: any of them proves what it signed. */
  const signer = async (): Promise<Signer> => {
    const existing = (await signers()).at(-1)
    if (existing !== undefined) return existing
    const made = must(await newSigningKey(vault))
    await insertSigningKey(database, made, clock())
    log.info({ signingKey: made.id }, 'made a key to sign the audit trail with')
    return (await openSigner(vault, made)) as Signer
  }

  /** The keys that sign are the platform's; of them only the public halves are shown. */
  const publicKeys = async (): Promise<ReadonlyMap<string, Buffer>> =>
    new Map((await beyondTenants(signers)).map((one) => [one.id, one.publicKey]))

  return {
    list: (filter, page) => readTrail(database, filter, page),

    async *links(organizationId) {
      for (const owner of organizationId === undefined ? await chainOwners(database.pool) : [organizationId])
        yield* readLinks(database.pool, owner)
    },

    async verify(organizationId) {
      const known = await publicKeys()
      const isSigned = signedBy(known)
      const problems: ChainProblem[] = []
      const chains = await inSnapshot(database, async (client) => {
        const owners = organizationId === undefined ? await chainOwners(client) : [organizationId]
        const checked = []
        for (const owner of owners) {
          const check = makeChainCheck(owner, isSigned)
          let newest: Checkpoint | null = null
          for await (const link of readLinks(client, owner)) {
            check.link(link)
            newest = link.checkpoint ?? newest
          }
          const { head, unlinked } = await readEnd(client, owner)
          const { links, problems: found } = check.end(head, unlinked)
          problems.push(...found)
          checked.push({ organizationId: owner, links, checkpoint: newest })
        }
        return checked
      })
      return {
        ok: problems.length === 0,
        chains,
        problems: problems.slice(0, problemsShown),
        problemCount: problems.length,
        signingKeys: [...known].map(([id, publicKey]) => ({ id, publicKey: publicKey.toString('base64') })),
      }
    },

    async compare(kept) {
      const isSigned = signedBy(await publicKeys())
      const problems: KeptProblem[] = []
      const byOwner = Map.groupBy(kept, ({ organizationId }) => organizationId)
      for (const [owner, points] of byOwner) {
        const hashes = await readHashes(
          database,
          owner,
          points.map(({ sequence }) => sequence),
        )
        for (const point of points) {
          const problem = keptPointProblem(point, hashes.get(point.sequence), isSigned)
          if (problem !== null) problems.push(problem)
        }
      }
      return problems
    },

    checkpoints: () => readNewestCheckpoints(database),

    async signCheckpoints() {
      // What is not signed now is signed with what follows, once the vault is open.
      if (vault.problem() !== null) return 0
      const own = await signer()
      return database.kysely.transaction().execute(async (transaction) => {
        const heads = await unsignedHeads(transaction)
        await insertCheckpoints(
          transaction,
          heads.map((head) => own.sign({ ...head, at: clock() })),
        )
        return heads.length
      })
    },
  }
}

const signedBy =
  (known: ReadonlyMap<string, Buffer>): IsSigned =>
  (checkpoint) => {
    const publicKey = known.get(checkpoint.signingKeyId)
    return publicKey === undefined ? null : isSignedBy(publicKey, checkpoint)
  }
