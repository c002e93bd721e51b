import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { type Fault, FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { isId, newId, platformOrganizationId } from '../kit/id.ts'
import { redactSecrets } from '../kit/redact.ts'
import { keyFingerprint } from './fingerprint.ts'
import { type HealthAfterRecheck, healthOfNew } from './health.ts'
import type { ServiceKeys } from './keys.ts'
import { openSecret } from './open-secret.ts'
import { bindingOf, isWithin, outcomeOf, recordKeyChange, type ServiceKeyParts, viewOf } from './parts.ts'
import { checkOf, type EnteredSecret, type Proof, type Proving, unfitDetail } from './prove.ts'
import { lastFourOf } from './secret.ts'
import type { NewServiceKey, StoredServiceKey, Which } from './service-key.ts'
import { areSameSettings, auditedSettings, changedSettings } from './settings.ts'
import * as store from './store.ts'
import { recordCheck } from './store-checks.ts'
import * as versions from './store-versions.ts'
import { keepMarks } from './marks.ts'

type Management = Pick<
  ServiceKeys,
  'add' | 'replace' | 'changeSettings' | 'rename' | 'setTeams' | 'setPriority' | 'reorder' | 'revoke'
>

/** Commands on service keys: each is one change of the configuration, with its audit entry. */
export const makeManagement = (parts: ServiceKeyParts, proving: Proving): Management => {
  const { database, epoch, vault, clock } = parts

  const fingerprintOf = (organizationId: string, entered: EnteredSecret): Buffer => {
    const { service, keyBaseUrl: baseUrl, settings, secret } = entered
    return keyFingerprint(vault, { organizationId, serviceId: service.id, baseUrl, settings }, secret)
  }

  /** Refused by the service and not insisted on: nothing is stored. */
  const judgeEntered = async (
    entered: EnteredSecret,
    acceptUnproven: boolean,
    field: 'secret' | 'settings' = 'secret',
  ): Promise<Outcome<Proof>> => {
    const judgement = await proving.prove(entered)
    if (judgement.ok && judgement.value.scope.unfit && !acceptUnproven)
      return failure('key_rejected', {
        message: unfitDetail(entered.service, judgement.value.scope),
        next: `Make a key for calling models at ${entered.service.name}.`,
        field,
      })
    if (judgement.ok && judgement.value.verdict === 'invalid' && !acceptUnproven)
      return failure('key_rejected', {
        message: `${entered.service.name} did not accept this key. ${judgement.value.detail}`,
        field,
      })
    return judgement
  }

  /** What was known of the key before says nothing any more. */
  const freshly = (health: HealthAfterRecheck, key: store.StoredKey) => ({
    ...store.healthColumns(health, clock(), key.status === 'suspended'),
    cooling_until: null,
    cooling_models: '{}',
    status_cause: null,
    next_check_at: null,
  })

  const change = <T>(which: Which, work: (t: Transaction<Schema>, key: store.StoredKey) => Promise<T>) =>
    outcomeOf(() =>
      epoch
        .change(which.organizationId, async (t) => work(t, await lockLive(t, which)))
        .catch(duplicateAsFault),
    )

  /** The key as it is after the change. */
  const changeAndShow = (
    which: Which,
    work: (t: Transaction<Schema>, key: store.StoredKey) => Promise<void>,
  ) =>
    change(which, async (t, key) => {
      await work(t, key)
      return viewOf((await store.findStored(t, which)) as store.StoredKey)
    })

  /** The proof that a version or its settings began with. */
  const remember = async (
    t: Transaction<Schema>,
    key: Parameters<typeof keepMarks>[2],
    cause: 'added' | 'replaced' | 'settings_changed',
    { secret }: EnteredSecret,
    { verdict, detail, scope }: Proof,
    { status }: HealthAfterRecheck,
  ): Promise<void> => {
    await recordCheck(t, key, { version: key.version, cause, verdict, detail, status }, clock())
    await keepMarks(parts, t, key, secret, scope.notes)
  }

  const insert = async (
    t: Transaction<Schema>,
    actor: Actor,
    input: NewServiceKey,
    entered: EnteredSecret,
    proof: Proof,
    health: HealthAfterRecheck,
  ) => {
    const { organizationId, owner, userId, teamIds = null } = input
    await requireTeams(t, organizationId, teamIds)
    const id = newId()
    const serviceId = entered.service.id
    const priority = owner === 'system' ? (input.priority ?? 1) : null
    const lastFour = lastFourOf(entered.secret, entered.service.secretKind)
    const label = input.label?.trim() || `${entered.service.name}${lastFour && ` …${lastFour}`}`
    const row: store.NewKeyRow = {
      organizationId,
      id,
      owner,
      userId,
      teamIds,
      serviceId,
      label,
      priority,
      position: await store.nextPosition(t, { organizationId, owner, userId, serviceId, priority }),
      baseUrl: entered.keyBaseUrl,
      settings: entered.settings,
      lastFour,
      fingerprint: fingerprintOf(organizationId, entered),
      createdBy: actor.id !== null && isId(actor.id) ? actor.id : null,
    }
    await store.insertKey(t, row, health, clock())
    const sealed = must(await vault.seal(bindingOf(row, 1), entered.secret, t))
    await versions.insertVersion(t, row, 1, sealed, clock())
    await recordKeyChange(t, actor, row, 'add', null, {
      owner,
      userId,
      serviceId,
      label,
      priority,
      baseUrl: row.baseUrl,
      settings: auditedSettings(row.settings),
      lastFour,
      status: health.status,
      ...(teamIds !== null && { teamIds }),
    })
    await remember(t, { ...row, version: 1 }, 'added', entered, proof, health)
    return viewOf((await store.findStored(t, row)) as store.StoredKey)
  }

  return {
    add: async (actor, input, within) => {
      const sealed = vault.problem()
      if (sealed !== null) return { ok: false, fault: sealed }
      const entered = proving.read(input)
      if (!entered.ok) return entered
      const misplaced = misplacedSecret(entered.value, input.label)
      if (misplaced) return { ok: false, fault: misplaced }
      const { organizationId, userId, serviceId } = input
      const fingerprint = fingerprintOf(organizationId, entered.value)
      if (await store.holdsFingerprint(database.kysely, { organizationId, userId, serviceId, fingerprint }))
        return failure('key_duplicate', { field: 'secret' })
      const judgement = await judgeEntered(entered.value, input.acceptUnproven ?? false)
      if (!judgement.ok) return judgement
      const health = healthOfNew(judgement.value, clock())
      const added = await outcomeOf(() =>
        epoch
          .change(organizationId, async (t) => {
            const key = await insert(t, actor, input, entered.value, judgement.value, health)
            await within?.(t)
            return key
          })
          .catch(duplicateAsFault),
      )
      return stored(added, checkOf(judgement.value, entered.value.warning))
    },

    replace: async (actor, which, input) => {
      const sealed = vault.problem()
      if (sealed !== null) return { ok: false, fault: sealed }
      const before = await store.findStored(database.kysely, which)
      if (!before || before.status === 'revoked' || !isWithin(before, which)) return failure('not_found')
      const { serviceId, baseUrl } = before
      const settings = changedSettings(before.settings, input.settings ?? {})
      const entered = proving.read({ serviceId, secret: input.secret, baseUrl, settings })
      if (!entered.ok) return entered
      const fingerprint = fingerprintOf(which.organizationId, entered.value)
      if (await store.holdsFingerprint(database.kysely, { ...before, fingerprint }))
        return failure('key_duplicate', { field: 'secret' })
      const judgement = await judgeEntered(entered.value, input.acceptUnproven ?? false)
      if (!judgement.ok) return judgement
      const health = healthOfNew(judgement.value, clock())
      const { secret, warning, service } = entered.value
      const replaced = await changeAndShow(which, async (t, key) => {
        if (await versions.isBetweenVersions(t, key)) throw new FaultError(rotationUnderWay)
        const version = await versions.nextVersion(t, key)
        await versions.retireVersionsBefore(t, key, version, clock())
        const sealed = must(await vault.seal(bindingOf(key, version), secret, t))
        await versions.insertVersion(t, key, version, sealed, clock())
        const lastFour = lastFourOf(secret, service.secretKind)
        await store.updateKey(t, key, {
          ...freshly(health, key),
          current_version: version,
          last_four: lastFour,
          fingerprint,
          settings: JSON.stringify(entered.value.settings),
        })
        const was = { version: key.version, lastFour: key.lastFour, settings: auditedSettings(key.settings) }
        const is = { version, lastFour, settings: auditedSettings(entered.value.settings) }
        await recordKeyChange(t, actor, key, 'replace', was, is)
        await remember(t, { ...key, version, lastFour }, 'replaced', entered.value, judgement.value, health)
      })
      return stored(replaced, checkOf(judgement.value, warning))
    },

    changeSettings: async (actor, which, given) => {
      const sealed = vault.problem()
      if (sealed !== null) return { ok: false, fault: sealed }
      const before = await store.findStored(database.kysely, which)
      if (!before || before.status === 'revoked' || !isWithin(before, which)) return failure('not_found')
      const secret = await openSecret(parts, before)
      if (!secret.ok) return secret
      const { serviceId, baseUrl } = before
      const settings = changedSettings(before.settings, given)
      const entered = proving.read({ serviceId, secret: secret.value, baseUrl, settings })
      if (!entered.ok) return entered
      const fingerprint = fingerprintOf(which.organizationId, entered.value)
      const elsewhere = !fingerprint.equals(before.fingerprint)
      if (elsewhere && (await store.holdsFingerprint(database.kysely, { ...before, fingerprint })))
        return failure('key_duplicate', { field: 'settings' })
      const judgement = await judgeEntered(entered.value, false, 'settings')
      if (!judgement.ok) return judgement
      const health = healthOfNew(judgement.value, clock())
      const changed = await changeAndShow(which, async (t, key) => {
        // What was proven is the secret of then with the settings of now.
        if (key.version !== before.version || !areSameSettings(key.settings, before.settings))
          throw new FaultError(keyHasChanged)
        const set = { fingerprint, settings: JSON.stringify(entered.value.settings) }
        await store.updateKey(t, key, { ...freshly(health, key), ...set })
        const [was, is] = [auditedSettings(key.settings), auditedSettings(entered.value.settings)]
        await recordKeyChange(t, actor, key, 'change_settings', { settings: was }, { settings: is })
        await remember(t, key, 'settings_changed', entered.value, judgement.value, health)
      })
      return stored(changed, checkOf(judgement.value, entered.value.warning))
    },

    rename: async (actor, which, label) => {
      const wanted = label.trim()
      if (wanted.length === 0 || wanted.length > 80)
        return failure('invalid_request', { message: 'A label has 1 to 80 characters.', field: 'label' })
      if (redactSecrets(wanted) !== wanted) return { ok: false, fault: secretAsLabel }
      return changeAndShow(which, async (t, key) => {
        await store.updateKey(t, key, { label: wanted })
        await recordKeyChange(t, actor, key, 'rename', { label: key.label }, { label: wanted })
      })
    },

    setTeams: async (actor, which, teamIds) =>
      changeAndShow(which, async (t, key) => {
        if (key.owner !== 'organization') throw new FaultError(fault('not_found'))
        await requireTeams(t, which.organizationId, teamIds)
        await store.updateKey(t, key, { team_ids: teamIds && [...teamIds] })
        await recordKeyChange(t, actor, key, 'set_teams', { teamIds: key.teamIds }, { teamIds })
      }),

    setPriority: async (actor, which, priority) =>
      changeAndShow(which, async (t, key) => {
        if (key.owner !== 'system') throw new FaultError(onlySystemKeys)
        if (key.priority === priority) return
        const position = await store.nextPosition(t, { ...key, priority })
        await store.updateKey(t, key, { priority, position })
        const { priority: previous } = key
        await recordKeyChange(t, actor, key, 'set_priority', { priority: previous }, { priority })
      }),

    reorder: async (actor, serviceId, order) => {
      const changed = await outcomeOf(() =>
        epoch.change(platformOrganizationId, async (t) => {
          const keys = await store.lockSystemKeys(t, platformOrganizationId, serviceId)
          const wanted = new Set(order.map((item) => item.id))
          const same = wanted.size === order.length && wanted.size === keys.length
          if (!same || !keys.every((key) => wanted.has(key.id))) throw new FaultError(orderIsStale)
          for (const [position, { id, priority }] of order.entries())
            await store.updateKey(t, { organizationId: platformOrganizationId, id }, { priority, position })
          const subject = { organizationId: platformOrganizationId, id: serviceId }
          await recordKeyChange(t, actor, subject, 'reorder', keys, order)
        }),
      )
      if (!changed.ok) return changed
      const filter = { organizationId: platformOrganizationId, owners: ['system'] } as const
      const all = await store.listViews(database.kysely, filter)
      return success(all.filter((key) => key.serviceId === serviceId))
    },

    revoke: (actor, which) =>
      change(which, async (t, key) => {
        const now = clock()
        const suspension = { suspended_status: null, recheck_after: null }
        await store.updateKey(t, key, { status: 'revoked', revoked_at: now, ...suspension })
        await versions.destroyVersions(t, key, now)
        await recordKeyChange(t, actor, key, 'revoke', { status: key.status }, { status: 'revoked' })
      }),
  }
}

const requireTeams = async (
  t: Transaction<Schema>,
  organizationId: string,
  teamIds: readonly string[] | null,
): Promise<void> => {
  if (teamIds === null || (await store.areTeams(t, organizationId, teamIds))) return
  throw new FaultError(
    fault('invalid_request', { message: 'There is no such team, or it is archived.', field: 'teamIds' }),
  )
}

const lockLive = async (t: Transaction<Schema>, which: Which): Promise<store.StoredKey> => {
  const key = await store.lockStored(t, which)
  if (!key || key.status === 'revoked' || !isWithin(key, which)) throw new FaultError(fault('not_found'))
  return key
}

const stored = (
  outcome: Outcome<StoredServiceKey['serviceKey']>,
  check: StoredServiceKey['check'],
): Outcome<StoredServiceKey> => (outcome.ok ? success({ serviceKey: outcome.value, check }) : outcome)

/** Two that add the same secret at once: the unique index lets one through. */
const duplicateAsFault = (error: unknown): never => {
  const constraint = error instanceof Error && 'constraint' in error ? error.constraint : undefined
  if (constraint === 'service_keys_fingerprint')
    throw new FaultError(fault('key_duplicate', { field: 'secret' }))
  throw error
}

/** Labels and addresses are shown and audited. */
const misplacedSecret = (entered: EnteredSecret, label: string | undefined): Fault | null => {
  const holds = (text: string) => redactSecrets(text, [entered.secret]) !== text
  if (label !== undefined && holds(label)) return secretAsLabel
  return entered.keyBaseUrl !== null && holds(entered.keyBaseUrl)
    ? fault('invalid_request', { message: 'The address must not hold a secret.', field: 'baseUrl' })
    : null
}

const secretAsLabel = fault('invalid_request', {
  message: 'A label is shown to others and must not hold a secret.',
  field: 'label',
})
const onlySystemKeys = fault('invalid_request', {
  message: 'Only system keys have a priority.',
  field: 'priority',
})
const keyHasChanged = fault('conflict', {
  message: 'The key was replaced or changed in the meantime.',
  next: 'Reload, then change it again.',
})
const rotationUnderWay = fault('conflict', {
  message: 'A rotation of this key is under way.',
  next: 'Roll it back, or wait for its end, then replace the key.',
})
const orderIsStale = fault('conflict', {
  message: 'The order must name every system key of the service once.',
  next: 'Reload, then order them again.',
})
