import { defineHandlers, type SessionContext } from '../http/handler.ts'
import type { ServiceKeys, Which } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { mayUserManageKey } from '../policy/control.ts'
import { findService } from '../services/registry.ts'
import type { Rotation, RotationAttempt } from './rotation.ts'
import type { RotatableKey } from './store-schedules.ts'
import {
  credentialOnWire,
  detailOnWire,
  driverOnWire,
  keyRotationOnWire,
  rotationOnWire,
  versionsOnWire,
} from './views.ts'

export interface RotationApiParts {
  readonly rotation: Rotation
  readonly serviceKeys: Pick<ServiceKeys, 'versions' | 'find'>
  readonly clock: Clock
}

/** What both administrators and owners of keys are shown, of the keys that they may see. */
const makeShow = ({ rotation, serviceKeys, clock }: RotationApiParts) => {
  const withKeys = async (attempts: readonly RotationAttempt[], organizationId?: string) => {
    const of = organizationId === undefined ? {} : { organizationId }
    const keys = new Map((await rotation.keys({ ...of, revoked: true })).map((key) => [key.id, key]))
    return attempts.flatMap((attempt) => {
      const key = keys.get(attempt.serviceKeyId)
      return key === undefined ? [] : [{ attempt, key }]
    })
  }
  const one = async (attempt: RotationAttempt) => {
    const [found] = await withKeys([attempt], attempt.organizationId)
    if (found === undefined) throw new FaultError(fault('not_found'))
    return found
  }

  return {
    list: async (attempts: readonly RotationAttempt[], organizationId?: string) =>
      (await withKeys(attempts, organizationId)).map(({ attempt, key }) => rotationOnWire(attempt, key)),
    one: async (attempt: RotationAttempt) => rotationOnWire(attempt, (await one(attempt)).key),
    detail: async (attempt: RotationAttempt) => {
      const { key } = await one(attempt)
      const [steps, remotes, versions] = await Promise.all([
        rotation.steps(attempt),
        rotation.remotes(attempt),
        serviceKeys.versions.list({ organizationId: key.organizationId, id: key.id }),
      ])
      return detailOnWire(attempt, key, { steps, remotes, versions })
    },
    keys: async (keys: readonly RotatableKey[], organizationId?: string) => {
      const open = { state: 'open', limit: 10_000 } as const
      const [schedules, attempts, ends] = await Promise.all([
        rotation.schedules(),
        rotation.list(organizationId === undefined ? open : { ...open, organizationId }),
        rotation.lastEnds(),
      ])
      return Promise.all(
        keys.map(async (key) => {
          const view = await serviceKeys.find({ organizationId: key.organizationId, id: key.id })
          if (view === null) throw new FaultError(fault('not_found'))
          return keyRotationOnWire(key, {
            ...(await rotation.driverFor(view)),
            schedules,
            active: attempts.find((attempt) => attempt.serviceKeyId === key.id),
            last: ends.get(key.id),
            now: clock(),
          })
        }),
      )
    },
    versions: async (which: Which) => {
      const key = await serviceKeys.find(which)
      if (key === null) throw new FaultError(fault('not_found'))
      const { organizationId, id } = key
      const [rows, attempts] = await Promise.all([
        serviceKeys.versions.list(key),
        rotation.list({ organizationId, serviceKeyIds: [id], state: 'open', limit: 1 }),
      ])
      return { items: versionsOnWire(rows, attempts[0] ?? null, key) }
    },
  }
}

const start = ({ mode, reason }: { mode: 'normal' | 'breach'; reason?: string | undefined }) => ({
  mode,
  trigger: mode === 'breach' ? ('breach' as const) : ('person' as const),
  reason: reason ?? null,
})

/** System keys and those that organisations share; users rotate their own. */
const forAdministrators = (parts: RotationApiParts) => {
  const { rotation, serviceKeys } = parts
  const show = makeShow(parts)

  const attempt = async (id: string): Promise<RotationAttempt> => {
    const found = await rotation.find(id)
    const key =
      found && (await serviceKeys.find({ organizationId: found.organizationId, id: found.serviceKeyId }))
    if (found === null || key === null || key.owner === 'user') throw new FaultError(fault('not_found'))
    return found
  }
  /** With null no user's key is found. */
  const whichOf = ({ organization, id }: { organization: string; id: string }): Which => ({
    organizationId: organization,
    id,
    userId: null,
  })
  const keyOf = async (which: Which) => {
    const key = await serviceKeys.find(which)
    if (key === null) throw new FaultError(fault('not_found'))
    return key
  }

  return defineHandlers<
    | 'listKeyRotations'
    | 'listRotations'
    | 'readRotation'
    | 'listRotationDrivers'
    | 'listSystemKeyVersions'
    | 'startRotation'
    | 'drillRotation'
    | 'scheduleKeyRotation'
    | 'listServiceSchedules'
    | 'scheduleServiceRotation'
    | 'setMaximumKeyAge'
    | 'rollBackRotation'
    | 'retryRotation'
    | 'abandonRotation'
    | 'confirmRotation'
    | 'giveNewSecret'
    | 'listRotationCredentials'
    | 'setRotationCredential'
    | 'checkRotationCredential'
    | 'removeRotationCredential'
  >({
    listKeyRotations: async () => ({
      items: await show.keys(await rotation.keys({ owners: ['system', 'organization'] })),
    }),

    async listRotations({ query }) {
      const { serviceKeyId: id, state, limit } = query
      const keys = await rotation.keys({
        owners: ['system', 'organization'],
        revoked: true,
        ...(id === undefined ? {} : { id }),
      })
      const serviceKeyIds = keys.map((key) => key.id)
      return { items: await show.list(await rotation.list({ serviceKeyIds, state, limit })) }
    },

    readRotation: async ({ params }) => show.detail(await attempt(params.id)),
    listRotationDrivers: async () => ({ items: rotation.drivers.map(driverOnWire) }),
    listSystemKeyVersions: async ({ params }) => show.versions(whichOf(params)),

    startRotation: async ({ params, body }, { actor }) =>
      show.one(must(await rotation.begin(actor, whichOf(params), start(body)))),

    drillRotation: async ({ params }) => {
      const { ok, findings, steps } = must(await rotation.drill(whichOf(params)))
      return { ok, findings: findings.map((finding) => ({ ...finding })), steps: [...steps] }
    },

    async scheduleKeyRotation({ params, body }, { actor }) {
      const { organizationId, serviceId, id } = await keyOf(whichOf(params))
      await rotation.setSchedule(actor, { organizationId, serviceId, serviceKeyId: id, ...body })
      const [item] = await show.keys(await rotation.keys({ organizationId, id }))
      if (item === undefined) throw new FaultError(fault('not_found'))
      return item
    },

    async listServiceSchedules() {
      const [rows, ages] = await Promise.all([rotation.schedules(), rotation.maximumAges()])
      return {
        services: rows
          .filter((row) => row.organizationId === platformOrganizationId && row.serviceKeyId === null)
          .map(({ serviceId, everyDays, overlapSeconds }) => ({ serviceId, everyDays, overlapSeconds })),
        organizations: ages.flatMap(({ organizationId, organizationName, maximumAgeDays }) =>
          maximumAgeDays === null ? [] : [{ organizationId, organizationName, maximumAgeDays }],
        ),
      }
    },

    async scheduleServiceRotation({ params, body }, { actor }) {
      if (findService(params.service) === undefined) throw new FaultError(fault('not_found'))
      const place = { organizationId: platformOrganizationId, serviceId: params.service, serviceKeyId: null }
      await rotation.setSchedule(actor, { ...place, ...body })
      return { done: true }
    },

    async setMaximumKeyAge({ params, body }, { actor }) {
      must(await rotation.setMaximumAge(actor, params.organization, body.maximumAgeDays))
      return { done: true }
    },

    rollBackRotation: async ({ params, body }, { actor }) =>
      show.one(
        must(
          await rotation.command(actor, (await attempt(params.id)).id, {
            kind: 'roll_back',
            reason: body.reason,
          }),
        ),
      ),
    retryRotation: async ({ params, body }, { actor }) =>
      show.one(
        must(await rotation.command(actor, (await attempt(params.id)).id, { kind: 'retry' }, body.note)),
      ),
    abandonRotation: async ({ params, body }, { actor }) =>
      show.one(
        must(
          await rotation.command(actor, (await attempt(params.id)).id, {
            kind: 'abandon',
            reason: body.reason,
          }),
        ),
      ),
    confirmRotation: async ({ params, body }, { actor }) =>
      show.one(
        must(await rotation.command(actor, (await attempt(params.id)).id, { kind: 'confirm' }, body.note)),
      ),
    giveNewSecret: async ({ params, body }, { actor }) =>
      show.one(must(await rotation.giveSecret(actor, (await attempt(params.id)).id, given(body)))),

    listRotationCredentials: async () => ({
      items: (await rotation.credentials.list()).map(credentialOnWire),
    }),
    setRotationCredential: async ({ body }, { actor }) =>
      credentialOnWire(
        must(
          await rotation.credentials.set(actor, {
            organizationId: body.organizationId ?? platformOrganizationId,
            driverId: body.driverId,
            serviceId: body.serviceId,
            serviceKeyId: body.serviceKeyId ?? null,
            fields: body.fields,
          }),
        ),
      ),
    checkRotationCredential: async ({ params }) =>
      credentialOnWire(must(await rotation.credentials.check(params.id))),
    async removeRotationCredential({ params }, { actor }) {
      must(await rotation.credentials.remove(actor, params.id))
      return { done: true }
    },
  })
}

const given = (body: { secret: string; settings?: Readonly<Record<string, string>> | undefined }) => ({
  secret: body.secret,
  settings: body.settings ?? {},
})

/** A user's own keys, within what the organisation's control policy lets users manage. */
const forOwners = (parts: RotationApiParts) => {
  const { rotation, serviceKeys } = parts
  const show = makeShow(parts)

  const ownKeys = ({ signedIn }: SessionContext) =>
    rotation.keys({ organizationId: signedIn.organization.id, userId: signedIn.userId, owners: ['user'] })
  const whichOf = ({ signedIn }: SessionContext, id: string): Which => ({
    organizationId: signedIn.organization.id,
    id,
    userId: signedIn.userId,
  })
  /** A foreign or unknown one is not found before anything is said about policy. */
  const keyOf = async (context: SessionContext, id: string, changes: boolean) => {
    const key = await serviceKeys.find(whichOf(context, id))
    if (key === null) throw new FaultError(fault('not_found'))
    if (changes) must(mayUserManageKey(context.signedIn.organization.control, key.serviceId))
    return key
  }
  const attempt = async (context: SessionContext, id: string, changes: boolean): Promise<RotationAttempt> => {
    const found = await rotation.find(id)
    if (found === null || found.organizationId !== context.signedIn.organization.id)
      throw new FaultError(fault('not_found'))
    await keyOf(context, found.serviceKeyId, changes)
    return found
  }

  return defineHandlers<
    | 'listOwnKeyRotations'
    | 'listOwnRotations'
    | 'readOwnRotation'
    | 'listOwnKeyVersions'
    | 'startOwnRotation'
    | 'scheduleOwnRotation'
    | 'giveOwnNewSecret'
    | 'rollBackOwnRotation'
    | 'retryOwnRotation'
    | 'abandonOwnRotation'
    | 'confirmOwnRotation'
  >({
    listOwnKeyRotations: async (_, context) => ({
      items: await show.keys(await ownKeys(context), context.signedIn.organization.id),
    }),

    async listOwnRotations({ query }, context) {
      const { signedIn } = context
      const organizationId = signedIn.organization.id
      const mine = (await rotation.keys({ organizationId, userId: signedIn.userId, revoked: true })).map(
        ({ id }) => id,
      )
      const { serviceKeyId, state, limit } = query
      const serviceKeyIds = mine.filter((id) => serviceKeyId === undefined || id === serviceKeyId)
      const found = await rotation.list({ organizationId, serviceKeyIds, state, limit })
      return { items: await show.list(found, organizationId) }
    },

    readOwnRotation: async ({ params }, context) => show.detail(await attempt(context, params.id, false)),
    listOwnKeyVersions: async ({ params }, context) => show.versions(whichOf(context, params.id)),

    async startOwnRotation({ params, body }, context) {
      await keyOf(context, params.id, true)
      return show.one(must(await rotation.begin(context.actor, whichOf(context, params.id), start(body))))
    },

    async scheduleOwnRotation({ params, body }, context) {
      const { organizationId, serviceId, id } = await keyOf(context, params.id, true)
      await rotation.setSchedule(context.actor, { organizationId, serviceId, serviceKeyId: id, ...body })
      const [item] = await show.keys(await rotation.keys({ organizationId, id }), organizationId)
      if (item === undefined) throw new FaultError(fault('not_found'))
      return item
    },

    giveOwnNewSecret: async ({ params, body }, context) =>
      show.one(
        must(
          await rotation.giveSecret(context.actor, (await attempt(context, params.id, true)).id, given(body)),
        ),
      ),
    rollBackOwnRotation: async ({ params, body }, context) =>
      show.one(
        must(
          await rotation.command(context.actor, (await attempt(context, params.id, true)).id, {
            kind: 'roll_back',
            reason: body.reason,
          }),
        ),
      ),
    retryOwnRotation: async ({ params, body }, context) =>
      show.one(
        must(
          await rotation.command(
            context.actor,
            (await attempt(context, params.id, true)).id,
            { kind: 'retry' },
            body.note,
          ),
        ),
      ),
    abandonOwnRotation: async ({ params, body }, context) =>
      show.one(
        must(
          await rotation.command(context.actor, (await attempt(context, params.id, true)).id, {
            kind: 'abandon',
            reason: body.reason,
          }),
        ),
      ),
    confirmOwnRotation: async ({ params, body }, context) =>
      show.one(
        must(
          await rotation.command(
            context.actor,
            (await attempt(context, params.id, true)).id,
            { kind: 'confirm' },
            body.note,
          ),
        ),
      ),
  })
}

export const rotationApi = (parts: RotationApiParts) => ({
  ...forAdministrators(parts),
  ...forOwners(parts),
})
