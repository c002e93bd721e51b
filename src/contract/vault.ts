import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** The vault as administrators see it: versions of the master key, and the work of a rotation. Never a key. */

export const masterKeyVersion = z.object({
  version: z.number().int().positive(),
  id: z.string().describe('mk_…: names the key, tells nothing about it'),
  state: z
    .enum(['staged', 'promoted', 'retained', 'destroyed'])
    .describe(
      'staged: not used until every process can unwrap it; promoted: wraps what is new; retained: only unwraps',
    ),
  provider: z.string().describe('What wraps it, and where: no secret'),
  createdAt: wire.time,
  promotedAt: wire.time.nullable(),
  retainedAt: wire.time.nullable(),
  destroyedAt: wire.time.nullable(),
  references: wire.count.describe('Keys and secrets that need it; at 0 a retained version can be destroyed'),
})
export type MasterKeyVersion = z.infer<typeof masterKeyVersion>

export const vaultProcess = z.object({
  processId: wire.id,
  host: z.string(),
  pid: z.number().int(),
  sealed: z.boolean(),
  problem: z.string().nullable().describe('Why it is sealed, or which version it cannot unwrap'),
  versions: z.array(z.number().int()).describe('That it can unwrap'),
})
export type VaultProcess = z.infer<typeof vaultProcess>

export const vaultChange = z.object({
  id: wire.id,
  kind: z
    .enum(['rotate', 'move', 'rewrap', 'upgrade'])
    .describe('upgrade: rows of an earlier format are sealed anew'),
  state: z.enum(['staging', 'rewrapping', 'done', 'abandoned']),
  toVersion: z.number().int().positive(),
  total: wire.count.describe('Keys and secrets to wrap anew, as counted when it began'),
  done: wire.count,
  unreadable: wire.count.describe('That did not open and were left as they are; see the audit trail'),
  remaining: wire.count.describe('Counted now'),
  waitingFor: z.array(wire.id).describe('While staging: processes that have not unwrapped the new version'),
  startedAt: wire.time,
  finishedAt: wire.time.nullable(),
})
export type VaultChange = z.infer<typeof vaultChange>

export const vaultStatus = z.object({
  sealed: z.boolean().describe('Of the process that answers: nothing that needs a secret works'),
  problem: z.string().nullable(),
  next: z.string().nullable().describe('What the operator should do'),
  sealedSince: wire.time.nullable(),
  nextAttemptAt: wire.time.nullable().describe('It tries by itself'),
  promoted: masterKeyVersion.nullable(),
  versions: z.array(masterKeyVersion).describe('Newest first'),
  processes: z.array(vaultProcess),
  change: vaultChange.nullable().describe('The newest rotation, move or re-wrap'),
  organizationKeys: wire.count,
  shreddedOrganizations: wire.count,
  unreadable: z
    .array(
      z.object({
        organizationId: wire.id,
        subjectKind: z.string(),
        subjectId: z.string(),
        version: z.number().int(),
        cause: z.string(),
        text: z.string(),
        firstSeenAt: wire.time,
      }),
    )
    .describe('What did not open, newest first; at most 100'),
})
export type VaultStatus = z.infer<typeof vaultStatus>

const reason = z.string().trim().min(1).max(300).optional().describe('For the audit trail')

export const vaultEndpoints = defineEndpoints({
  readVault: {
    method: 'GET',
    path: '/admin/vault',
    auth: 'administrator',
    group: 'vault',
    summary: 'Versions of the master key, what needs them, and how far a rotation has come',
    reply: vaultStatus,
  },
  rotateMasterKey: {
    method: 'POST',
    path: '/admin/vault/rotate',
    auth: 'administrator',
    group: 'vault',
    stepUp: true,
    summary: 'Make a new version with the same provider and wrap everything anew; goes on in the background',
    body: z.object({ reason }),
    reply: vaultStatus,
  },
  rewrapVault: {
    method: 'POST',
    path: '/admin/vault/rewrap',
    auth: 'administrator',
    group: 'vault',
    stepUp: true,
    summary:
      'Wrap with the promoted version whatever is still wrapped with another; goes on in the background',
    body: z.object({ reason }),
    reply: vaultStatus,
  },
  destroyMasterKey: {
    method: 'POST',
    path: '/admin/vault/versions/:version/destroy',
    auth: 'administrator',
    group: 'vault',
    stepUp: true,
    summary: 'Destroy a retained version for ever; refused while anything needs it',
    params: z.object({ version: z.coerce.number<number | string>().int().positive().max(1_000_000) }),
    body: z.object({ reason }),
    reply: vaultStatus,
  },
})
