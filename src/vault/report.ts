import type { MasterKeyVersion, VaultProcess, VaultStatus } from '../contract/vault.ts'
import type { Change } from './store-changes.ts'
import type { VaultVerification } from './verify.ts'

/** For terminals. */
export const statusLines = (status: VaultStatus): string[] => [
  status.sealed
    ? `SEALED: ${status.problem ?? 'no reason is known'} ${status.next ?? ''}`.trim()
    : `open, under version ${status.promoted?.version ?? '?'} of the master key`,
  ...status.versions.map(versionLine),
  `${status.organizationKeys} organisation keys, ${status.shreddedOrganizations} shredded`,
  ...status.processes.map(processLine),
  ...(status.change === null
    ? []
    : [
        progressLine(
          {
            ...status.change,
            total: BigInt(status.change.total),
            done: BigInt(status.change.done),
            unreadable: BigInt(status.change.unreadable),
          },
          status.change.waitingFor,
        ),
      ]),
  ...status.unreadable.map(
    ({ subjectKind, subjectId, version, text }) =>
      `UNREADABLE  ${subjectKind} ${subjectId}, version ${version}: ${text}`,
  ),
]

const versionLine = ({ version, id, state, provider, references }: MasterKeyVersion): string =>
  `version ${version}  ${state}  ${id}  ${provider}  needed by ${references}`

const processLine = ({ host, pid, sealed, problem, versions }: VaultProcess): string =>
  `process ${pid} on ${host}: ${sealed ? 'SEALED' : 'open'}, unwraps ${versions.join(', ') || 'nothing'}${problem === null ? '' : `; ${problem}`}`

type Progress = Pick<Change, 'kind' | 'state' | 'toVersion' | 'total' | 'done' | 'unreadable'>

export const progressLine = (
  { kind, state, toVersion, total, done, unreadable }: Progress,
  waitingFor: readonly string[],
): string => {
  switch (state) {
    case 'staging':
      return waitingFor.length === 0
        ? `${kind}: version ${toVersion} is staged`
        : `${kind}: version ${toVersion} is staged; waiting for ${waitingFor.length} processes to unwrap it`
    case 'rewrapping':
      return `${kind}: to version ${toVersion}, ${done} of ${total} wrapped anew`
    case 'done':
      return `${kind}: done, version ${toVersion}, ${done} wrapped anew${unreadable === 0n ? '' : `; ${unreadable} did not open (aideon-keys vault verify)`}`
    case 'abandoned':
      return `${kind}: version ${toVersion} was destroyed before it was used`
  }
}

export const verificationLines = (verification: VaultVerification): string[] => [
  `${verification.organizationKeys} organisation keys and ${verification.secrets} secrets open`,
  ...(verification.former === 0
    ? []
    : [`${verification.former} secrets are of the former format: aideon-keys vault rewrap seals them anew`]),
  ...verification.unreadable.map(
    ({ what, organizationId }) =>
      `FAIL  ${what}${organizationId === null ? '' : ` (organisation ${organizationId})`}`,
  ),
  ...(verification.unreadableCount > verification.unreadable.length
    ? [`      and ${verification.unreadableCount - verification.unreadable.length} more`]
    : []),
]
