import type { Which } from '../keys/keys.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import type { Finding } from './driver.ts'
import { leavesLaneEmpty } from './lane.ts'
import { callTimeoutMs, type RotationParts } from './parts.ts'
import { called } from './performed.ts'
import { usualOverlapSeconds } from './schedule.ts'
import * as store from './store.ts'
import type { ToolMaker, Tools } from './tools.ts'

export interface Drill {
  readonly ok: boolean
  readonly findings: readonly Finding[]
  readonly steps: readonly string[]
}

/** A rotation up to the point where it would change something: every call reads only. */
export const makeDrill =
  (parts: RotationParts, tools: ToolMaker) =>
  async (which: Which): Promise<Outcome<Drill>> => {
    const { database, serviceKeys } = parts
    const key = await serviceKeys.versions.find(which)
    if (key === null || key.status === 'revoked') return failure('not_found')
    const startedAt = performance.now()
    const lease = { holdsFor: (ms: number) => performance.now() + ms < startedAt + 6 * callTimeoutMs }
    const found = await tools.toolsFor(key, null, key.version, lease)
    const { driver, unusable } = found
    const active = await store.findActive(database.kysely, key)
    const findings: Finding[] = [
      {
        what: 'Rotation under way',
        ok: active === undefined,
        detail: active === undefined ? 'None.' : `One is ${active.state.replaceAll('_', ' ')}.`,
      },
      {
        what: 'Credential',
        ok: unusable === null,
        detail: unusable ?? (driver.credential.length === 0 ? 'None is needed.' : 'Set.'),
      },
    ]
    const proof = await serviceKeys.versions.prove(key, key.version)
    findings.push({
      what: 'The key in use',
      ok: proof.ok && proof.value.verdict !== 'invalid',
      detail: proof.ok ? proof.value.detail : proof.fault.message,
    })
    if (key.owner === 'system') {
      const [keys, busy] = await Promise.all([
        serviceKeys.list({ organizationId: key.organizationId, owners: ['system'] }),
        store.keysUnderWay(database.kysely, key.organizationId, active?.id ?? key.id),
      ])
      const waits = leavesLaneEmpty(keys, busy, key)
      findings.push({
        what: 'Keys of the same priority',
        ok: !waits,
        detail: waits ? 'All others are being rotated: this one would wait.' : 'Nothing to wait for.',
      })
    }
    if (unusable === null) findings.push(...(await lookAround(found)))
    return success({
      ok: findings.every(({ ok }) => ok),
      findings,
      steps: stepsOf(found, findService(key.serviceId)?.name ?? key.serviceId),
    })

    async function lookAround({ driver: d, context: c }: Tools): Promise<Finding[]> {
      const told: Finding[] = []
      const checked = await called(() => d.check(c))
      if (checked.kind === 'done') told.push(...checked.value)
      else told.push({ what: driver.name, ok: false, detail: checked.message })
      const identified = d.identify === undefined ? null : await called(() => d.identify!(c))
      if (identified !== null)
        told.push({
          what: 'Which key at the service is in use',
          ok: identified.kind === 'done' && identified.value !== null,
          detail:
            identified.kind !== 'done'
              ? identified.message
              : (identified.value?.id ?? 'It is not known: a person has to delete the old one.'),
        })
      const current = identified?.kind === 'done' ? identified.value : null
      const prepared = d.prepare === undefined ? null : await called(() => d.prepare!(c, current))
      if (prepared !== null)
        told.push({
          what: 'Room for a new key',
          ok: prepared.kind === 'done',
          detail: prepared.kind === 'done' ? 'There is.' : prepared.message,
        })
      return told
    }
  }

const stepsOf = ({ driver, abilities }: Tools, service: string): string[] => [
  abilities.create
    ? `${driver.name} makes a new key, under a name that tells this rotation.`
    : `Whoever owns the key is asked to make a new one at ${service} and to paste it here.`,
  'It is sealed and proven by a call; until then nothing changes.',
  'Every process uses it from one moment on; the old one stays for going back.',
  `After the overlap (${usualOverlapSeconds / 60} minutes unless set otherwise), and when no operation, task or session uses the old one any more, it goes:`,
  abilities.revoke
    ? abilities.disable
      ? 'it is switched off at the service, and revoked later.'
      : 'it is revoked at the service.'
    : abilities.disable
      ? 'it is switched off at the service.'
      : 'a person deletes it at the service and confirms that.',
]
