import type {
  AuditEntryOnWire,
  AuditFilters,
  AuditStreamOnWire,
  AuditVerification,
} from '../contract/audit.ts'
import type { FileReply } from '../contract/wire.ts'
import { defineHandlers } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { chainProblems, type Checkpoint, type Link } from './chain.ts'
import type { AuditStream, AuditStreaming } from './streaming.ts'
import type { AuditTrail, TrailFilter, TrailRow, TrailVerification } from './trail.ts'

export const auditApi = ({
  auditTrail,
  auditStreaming,
  clock,
}: {
  auditTrail: AuditTrail
  auditStreaming: AuditStreaming
  clock: Clock
}) => {
  const list = async (
    filter: TrailFilter,
    { cursor, limit }: { cursor?: string | undefined; limit: number },
  ) => {
    const rows = await auditTrail.list(filter, { before: decodeCursor(cursor), limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    return { items: shown.map(entryOnWire), nextCursor: last ? encodeCursor(last.id) : null }
  }

  const exported = (organizationId: string | undefined): FileReply => ({
    contentType: 'application/jsonl',
    fileName: `audit-${clock().toISOString().slice(0, 10)}.jsonl`,
    body: lines(auditTrail.links(organizationId)),
  })

  return defineHandlers<
    | 'listAudit'
    | 'exportAudit'
    | 'verifyAudit'
    | 'listAllAudit'
    | 'exportAllAudit'
    | 'verifyAllAudit'
    | 'listAuditStreams'
  >({
    listAudit: async ({ query }, { signedIn }) =>
      list({ ...filterOf(query), organizationId: signedIn.organization.id }, query),
    exportAudit: async (_, { signedIn }) => exported(signedIn.organization.id),
    verifyAudit: async (_, { signedIn }) =>
      verificationOnWire(await auditTrail.verify(signedIn.organization.id)),
    listAllAudit: async ({ query }) =>
      list({ ...filterOf(query), organizationId: query.organization }, query),
    exportAllAudit: async ({ query }) => exported(query.organization),
    verifyAllAudit: async ({ query }) => verificationOnWire(await auditTrail.verify(query.organization)),
    listAuditStreams: async () => ({ items: (await auditStreaming.view()).map(streamOnWire) }),
  })
}

const filterOf = ({ action, subjectKind, subject, actor, since, until }: AuditFilters): TrailFilter => ({
  action,
  subjectKind,
  subjectId: subject,
  actorId: actor,
  since: since === undefined ? undefined : new Date(since),
  until: until === undefined ? undefined : new Date(until),
})

const streamOnWire = (stream: AuditStream): AuditStreamOnWire => ({
  sink: stream.sink,
  kind: stream.kind,
  behind: Number(stream.behind),
  oldestWaitingAt: stream.oldestWaitingAt?.toISOString() ?? null,
  lastDeliveredAt: stream.lastDeliveredAt?.toISOString() ?? null,
  failures: stream.failures,
  failingSince: stream.failingSince?.toISOString() ?? null,
  problem: stream.lastFault,
  nextAttemptAt: stream.failures === 0 ? null : stream.nextAttemptAt.toISOString(),
})

const entryOnWire = (row: TrailRow): AuditEntryOnWire => ({
  id: row.id,
  organizationId: row.organizationId,
  organizationName: row.organizationName,
  at: row.at.toISOString(),
  actor: {
    kind: row.actorKind,
    id: row.actorId,
    email: row.actorEmail,
    accessTokenId: row.accessTokenId,
  },
  action: row.action,
  subject: { kind: row.subjectKind, id: row.subjectId, email: row.subjectEmail },
  before: row.before,
  after: row.after,
  reason: row.reason,
  sequence: String(row.sequence),
  hash: row.hash,
})

const verificationOnWire = (found: TrailVerification): AuditVerification => ({
  ok: found.ok,
  chains: found.chains.map(({ organizationId, links, checkpoint }) => ({
    organizationId,
    links: Number(links),
    checkpoint: checkpoint === null ? null : checkpointOnWire(checkpoint),
  })),
  problems: found.problems.map(({ organizationId, sequence, kind }) => ({
    organizationId,
    sequence: sequence === null ? null : String(sequence),
    kind,
    text: chainProblems[kind],
  })),
  problemCount: found.problemCount,
  signingKeys: [...found.signingKeys],
})

const checkpointOnWire = ({ sequence, hash, at, signingKeyId, signature }: Checkpoint) => ({
  sequence: String(sequence),
  hash: hash.toString('hex'),
  at: at.toISOString(),
  signingKeyId,
  signature: signature.toString('base64'),
})

/** `text` is a string, so that what was hashed survives whatever reads and writes JSON on the way. */
async function* lines(
  links: AsyncIterable<Link & { checkpoint: Checkpoint | null }>,
): AsyncGenerator<string> {
  for await (const { organizationId, sequence, text, previousHash, hash, checkpoint } of links)
    yield `${JSON.stringify({
      organizationId,
      sequence: String(sequence),
      text,
      previousHash: previousHash.toString('hex'),
      hash: hash.toString('hex'),
      ...(checkpoint === null ? {} : { checkpoint: checkpointOnWire(checkpoint) }),
    })}\n`
}
