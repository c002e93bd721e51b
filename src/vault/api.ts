import type { VaultStatus } from '../contract/vault.ts'
import { defineHandlers } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import { causeText } from './envelope.ts'
import type { ChangeView, MasterKeys, MasterKeysStatus } from './master-keys.ts'

export const vaultApi = ({ masterKeys }: { masterKeys: MasterKeys }) => {
  const answer = async () => statusOnWire(await masterKeys.status())

  return defineHandlers<'readVault' | 'rotateMasterKey' | 'rewrapVault' | 'destroyMasterKey'>({
    readVault: answer,

    async rotateMasterKey({ body }, { actor }) {
      must(await masterKeys.rotate(actor, body.reason))
      masterKeys.workInBackground()
      return answer()
    },

    async rewrapVault({ body }, { actor }) {
      must(await masterKeys.rewrap(actor, body.reason))
      masterKeys.workInBackground()
      return answer()
    },

    async destroyMasterKey({ params, body }, { actor }) {
      must(await masterKeys.destroy(actor, params.version, body.reason))
      return answer()
    },
  })
}

type VersionView = MasterKeysStatus['versions'][number]

/** For screens and for `aideon-keys vault status --json`. */
export const statusOnWire = (status: MasterKeysStatus): VaultStatus => {
  const { sealed, change } = status
  const versions = status.versions.map(versionOnWire)
  return {
    sealed: sealed !== null,
    problem: sealed?.problem.message ?? null,
    next: sealed?.problem.next ?? null,
    sealedSince: sealed?.since.toISOString() ?? null,
    nextAttemptAt: sealed?.nextAttemptAt?.toISOString() ?? null,
    promoted: versions.find(({ state }) => state === 'promoted') ?? null,
    versions: versions.toReversed(),
    processes: status.processes.map(
      ({ processId, host, pid, sealed: isSealed, problem, versions: open }) => ({
        processId,
        host,
        pid,
        sealed: isSealed ?? true,
        problem: isSealed === null ? 'It has not said anything yet.' : problem,
        versions: [...open],
      }),
    ),
    change: change && changeOnWire(change),
    organizationKeys: status.organizationKeys,
    shreddedOrganizations: status.shreddedOrganizations,
    unreadable: status.findings.map(({ firstSeenAt, ...finding }) => ({
      ...finding,
      text: causeText(finding.cause),
      firstSeenAt: firstSeenAt.toISOString(),
    })),
  }
}

const versionOnWire = (row: VersionView) => ({
  version: row.version,
  id: row.id,
  state: row.state,
  provider: row.provider,
  createdAt: row.createdAt.toISOString(),
  promotedAt: row.promotedAt?.toISOString() ?? null,
  retainedAt: row.retainedAt?.toISOString() ?? null,
  destroyedAt: row.destroyedAt?.toISOString() ?? null,
  references: row.references,
})

const changeOnWire = (change: ChangeView) => ({
  id: change.id,
  kind: change.kind,
  state: change.state,
  toVersion: change.toVersion,
  total: Number(change.total),
  done: Number(change.done),
  unreadable: Number(change.unreadable),
  remaining: Number(change.remaining),
  waitingFor: [...change.waitingFor],
  startedAt: change.startedAt.toISOString(),
  finishedAt: change.finishedAt?.toISOString() ?? null,
})
