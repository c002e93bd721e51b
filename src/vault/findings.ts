import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import type { Fault } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { type Cause, causes, type SecretBinding } from './envelope.ts'
import * as store from './store-findings.ts'

/** What did not open goes to the log and, once for each secret and cause, to the audit trail. */
export interface Findings {
  unreadable(binding: SecretBinding, cause: Cause): void
  sealed(problem: Fault, masterKeyId: string): void
  unsealed(): void
  /** Resolves when everything found so far is written. */
  settled(): Promise<void>
}

const gateway: Actor = { kind: 'gateway', id: null }

type SecretKind = 'service_key' | 'rotation_credential' | 'webhook_secret' | 'audit_signing_key'

/** Where a secret is no service key's, by what its binding says in place of a service. */
const kinds: Readonly<Record<string, SecretKind>> = {
  webhook: 'webhook_secret',
  'audit signing key': 'audit_signing_key',
}
const kindOf = ({ serviceId }: SecretBinding): SecretKind =>
  kinds[serviceId] ?? (serviceId.startsWith('rotation ') ? 'rotation_credential' : 'service_key')

const masterKeyKind = 'master_key'

/** Known to this process: a gateway that is asked a thousand times a second asks the database once. */
const rememberedAtMost = 10_000

export const makeFindings = (parts: { database: Database; clock: Clock; log: Log }): Findings => {
  const { database, clock, log } = parts
  const known = new Set<string>()
  let writing: Promise<void> = Promise.resolve()

  const queue = (what: string, work: () => Promise<void>): void => {
    writing = writing.then(work).catch((error: unknown) => {
      log.error({ err: error }, `${what} could not be put into the audit trail`)
    })
  }

  return {
    unreadable(binding, cause) {
      const { organizationId, serviceKeyId: subjectId, version } = binding
      const subjectKind = kindOf(binding)
      const key = `${organizationId} ${subjectKind} ${subjectId} ${version} ${cause}`
      if (known.has(key)) return
      if (known.size >= rememberedAtMost) known.clear()
      known.add(key)
      const finding = { organizationId, subjectKind, subjectId, version, cause, firstSeenAt: clock() }
      log.error({ organizationId, subjectKind, subjectId, version, cause }, 'a stored secret did not open')
      queue('a secret that did not open', () =>
        database.kysely.transaction().execute(async (transaction) => {
          if (!(await store.insertFinding(transaction, finding))) return
          await recordAudit(transaction, {
            organizationId,
            actor: gateway,
            action: `${subjectKind}.unreadable`,
            subject: { kind: subjectKind, id: subjectId },
            after: { version, cause },
            reason: causes[cause],
          })
        }),
      )
    },

    sealed({ code, message }, masterKeyId) {
      const of = { organizationId: platformOrganizationId, subjectKind: masterKeyKind, version: 0 }
      const finding = { ...of, subjectId: masterKeyId, cause: code, firstSeenAt: clock() }
      queue('that the vault is sealed', () =>
        database.kysely.transaction().execute(async (transaction) => {
          if (!(await store.insertFinding(transaction, finding))) return
          await recordAudit(transaction, {
            organizationId: platformOrganizationId,
            actor: gateway,
            action: 'vault.sealed',
            subject: { kind: masterKeyKind, id: masterKeyId },
            after: { cause: code },
            reason: message,
          })
        }),
      )
    },

    unsealed() {
      queue('that the vault is open again', () =>
        database.kysely.transaction().execute(async (transaction) => {
          if ((await store.deleteFindingsOf(transaction, masterKeyKind)) === 0) return
          await recordAudit(transaction, {
            organizationId: platformOrganizationId,
            actor: gateway,
            action: 'vault.unsealed',
            subject: { kind: masterKeyKind, id: 'promoted' },
          })
        }),
      )
    },

    settled: () => writing,
  }
}
