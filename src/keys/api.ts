import type { Actor } from '../audit/audit.ts'
import type { keyHygieneEndpoints } from '../contract/key-hygiene.ts'
import { may } from '../contract/permissions.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { mayUserManageKey } from '../policy/control.ts'
import type { KeySettings } from '../services/service.ts'
import { checksOnWire, previewOnWire, reportOnWire, resultOnWire } from './hygiene-wire.ts'
import type { ImportOwner } from './imports.ts'
import type { ServiceKeys, ServiceKeyView, Which } from './keys.ts'
import { checkOnWire, keyOnWire } from './key-on-wire.ts'

export interface ServiceKeyApiParts {
  readonly serviceKeys: ServiceKeys
  readonly organizations: Pick<Organizations, 'read'>
  readonly clock: Clock
}

/** A user's own keys, within what the organisation's control policy lets users manage. */
const ownKeys = ({ serviceKeys, clock }: ServiceKeyApiParts) => {
  const onWire = (key: ServiceKeyView) => keyOnWire(key, clock())
  /** A foreign or unknown key is not found before anything is said about policy. */
  const requireKey = async (context: SessionContext, id: string): Promise<Which> => {
    const which = ownOf(context, id)
    const key = await serviceKeys.find(which)
    if (!key) throw new FaultError(fault('not_found'))
    requireService(context, key.serviceId)
    return which
  }

  return defineHandlers<
    | 'listServiceKeys'
    | 'checkNewServiceKey'
    | 'addServiceKey'
    | 'recheckServiceKey'
    | 'replaceServiceKey'
    | 'changeServiceKey'
    | 'revokeServiceKey'
  >({
    async listServiceKeys(_, { signedIn }) {
      const { organization, userId } = signedIn
      const filter = { organizationId: organization.id, userId, owners: ['user', 'organization'] } as const
      return { items: (await serviceKeys.list(filter)).map(onWire) }
    },

    async checkNewServiceKey({ body }, context) {
      requireService(context, body.serviceId)
      const { organization, userId } = context.signedIn
      return checkOnWire(must(await serviceKeys.check(body, { organizationId: organization.id, userId })))
    },

    async addServiceKey({ body }, context) {
      requireService(context, body.serviceId)
      const { organization, userId } = context.signedIn
      const owner = { organizationId: organization.id, owner: 'user', userId } as const
      return onWire(must(await serviceKeys.add(context.actor, { ...body, ...owner })).serviceKey)
    },

    async recheckServiceKey({ params }, context) {
      const which = await requireKey(context, params.id)
      return onWire(must(await serviceKeys.recheck(context.actor, which)).serviceKey)
    },

    async replaceServiceKey({ params, body }, context) {
      const which = await requireKey(context, params.id)
      return onWire(must(await serviceKeys.replace(context.actor, which, body)).serviceKey)
    },

    async changeServiceKey({ params, body }, context) {
      const which = await requireKey(context, params.id)
      return onWire(await changeKey(serviceKeys, context.actor, which, body))
    },

    /** Whatever the policy: a suspended key is still the user's own secret, to be withdrawn at any time. */
    async revokeServiceKey({ params }, context) {
      must(await serviceKeys.revoke(context.actor, ownOf(context, params.id)))
      return { done: true }
    },
  })
}

/** The platform's keys, for platform administrators. */
const systemKeys = ({ serviceKeys, clock }: ServiceKeyApiParts) => {
  const onWire = (key: ServiceKeyView) => keyOnWire(key, clock())

  return defineHandlers<
    | 'listSystemKeys'
    | 'checkNewSystemKey'
    | 'addSystemKey'
    | 'reorderSystemKeys'
    | 'recheckSystemKey'
    | 'replaceSystemKey'
    | 'changeSystemKey'
    | 'revokeSystemKey'
  >({
    async listSystemKeys() {
      const keys = await serviceKeys.list({ organizationId: platformOrganizationId, owners: ['system'] })
      return { items: keys.map(onWire) }
    },

    checkNewSystemKey: async ({ body }) => checkOnWire(must(await serviceKeys.check(body))),

    async addSystemKey({ body }, { actor }) {
      const owner = { organizationId: platformOrganizationId, owner: 'system', userId: null } as const
      const priority = priorityOf(body.priority)
      return onWire(must(await serviceKeys.add(actor, { ...body, ...owner, priority })).serviceKey)
    },

    async reorderSystemKeys({ body }, { actor }) {
      const order = body.order.map(({ id, priority }) => ({ id, priority: priorityOf(priority) }))
      return { items: must(await serviceKeys.reorder(actor, body.serviceId, order)).map(onWire) }
    },

    recheckSystemKey: async ({ params }, { actor }) =>
      onWire(must(await serviceKeys.recheck(actor, platformKey(params.id))).serviceKey),

    replaceSystemKey: async ({ params, body }, { actor }) =>
      onWire(must(await serviceKeys.replace(actor, platformKey(params.id), body)).serviceKey),

    async changeSystemKey({ params, body }, { actor }) {
      const which = platformKey(params.id)
      if (body.priority !== undefined)
        must(await serviceKeys.setPriority(actor, which, priorityOf(body.priority)))
      return onWire(await changeKey(serviceKeys, actor, which, body))
    },

    async revokeSystemKey({ params }, { actor }) {
      must(await serviceKeys.revoke(actor, platformKey(params.id)))
      return { done: true }
    },
  })
}

/** Keys that an organisation's members share; members' own keys only as status. */
const organizationKeys = ({ serviceKeys, organizations, clock }: ServiceKeyApiParts) =>
  defineHandlers<'listOrganizationKeys' | 'addOrganizationKey' | 'revokeOrganizationKey'>({
    async listOrganizationKeys({ params }) {
      const keys = await serviceKeys.list({
        organizationId: params.organization,
        owners: ['user', 'organization'],
      })
      return { items: keys.map((key) => ({ ...keyOnWire(key, clock()), userId: key.userId })) }
    },

    async addOrganizationKey({ params, body }, { actor }) {
      must(await organizations.read(params.organization))
      const owner = { organizationId: params.organization, owner: 'organization', userId: null } as const
      return keyOnWire(must(await serviceKeys.add(actor, { ...body, ...owner })).serviceKey, clock())
    },

    async revokeOrganizationKey({ params }, { actor }) {
      const which = { organizationId: params.organization, id: params.id }
      const key = await serviceKeys.find(which)
      if (key?.owner !== 'organization') throw new FaultError(fault('not_found'))
      must(await serviceKeys.revoke(actor, which))
      return { done: true }
    },
  })

/** History, reports and imports; the keys of an organisation's members are named to those who manage it. */
const hygiene = ({ serviceKeys, organizations, clock }: ServiceKeyApiParts) => {
  const { hygiene: room, imports } = serviceKeys
  const onWire = (key: ServiceKeyView) => keyOnWire(key, clock())
  const userOwner = ({ signedIn }: SessionContext): ImportOwner => ({
    organizationId: signedIn.organization.id,
    owner: 'user',
    userId: signedIn.userId,
    refusal: (serviceId) => {
      const may = mayUserManageKey(signedIn.organization.control, serviceId)
      return may.ok ? null : may.fault
    },
  })
  const systemOwner = (priority: 1 | 2 | 3): ImportOwner => ({
    organizationId: platformOrganizationId,
    owner: 'system',
    userId: null,
    priority,
    refusal: () => null,
  })
  const organizationOwner = async (organizationId: string): Promise<ImportOwner> => {
    must(await organizations.read(organizationId))
    return { organizationId, owner: 'organization', userId: null, refusal: () => null }
  }

  return defineHandlers<keyof typeof keyHygieneEndpoints>({
    async listServiceKeyChecks({ params }, { signedIn }) {
      const which = { organizationId: signedIn.organization.id, id: params.id }
      const key = await serviceKeys.find(which)
      if (key === null || (key.userId !== null && key.userId !== signedIn.userId))
        throw new FaultError(fault('not_found'))
      return checksOnWire(must(await room.history(which)))
    },
    listSystemKeyChecks: async ({ params }) => checksOnWire(must(await room.history(platformKey(params.id)))),

    async readKeyHygiene(_, { signedIn }) {
      const { role, userId } = signedIn
      const organizationId = signedIn.organization.id
      return may(role, 'organization_keys.read')
        ? reportOnWire(await room.report({ organizationId }, { kind: 'organization' }), clock())
        : reportOnWire(await room.report({ organizationId, userId }, { kind: 'user', userId }), clock())
    },
    readAllKeyHygiene: async () => reportOnWire(await room.report({}, { kind: 'platform' }), clock()),
    readKeyHygieneSettings: () => room.settings(),
    changeKeyHygieneSettings: ({ body }, { actor }) => room.changeSettings(actor, body),

    previewKeyImport: async ({ body }, context) =>
      previewOnWire(await imports.preview(userOwner(context), body.text)),
    async importServiceKeys({ body }, context) {
      const results = await imports.run(context.actor, userOwner(context), body.text, body.lines)
      return { results: results.map((result) => resultOnWire(result, onWire)) }
    },
    previewSystemKeyImport: async ({ body }) =>
      previewOnWire(await imports.preview(systemOwner(1), body.text)),
    async importSystemKeys({ body }, { actor }) {
      const owner = systemOwner(priorityOf(body.priority))
      const results = await imports.run(actor, owner, body.text, body.lines)
      return { results: results.map((result) => resultOnWire(result, onWire)) }
    },
    previewOrganizationKeyImport: async ({ params, body }) =>
      previewOnWire(await imports.preview(await organizationOwner(params.organization), body.text)),
    async importOrganizationKeys({ params, body }, { actor }) {
      const owner = await organizationOwner(params.organization)
      const results = await imports.run(actor, owner, body.text, body.lines)
      return { results: results.map((result) => resultOnWire(result, onWire)) }
    },
  })
}

export const serviceKeyApi = (parts: ServiceKeyApiParts) => ({
  ...ownKeys(parts),
  ...systemKeys(parts),
  ...organizationKeys(parts),
  ...hygiene(parts),
})

/** Settings first: the service may refuse them. */
const changeKey = async (
  serviceKeys: ServiceKeys,
  actor: Actor,
  which: Which,
  { label, settings }: { label?: string | undefined; settings?: KeySettings | undefined },
): Promise<ServiceKeyView> => {
  if (settings !== undefined) must(await serviceKeys.changeSettings(actor, which, settings))
  if (label !== undefined) must(await serviceKeys.rename(actor, which, label))
  const changed = await serviceKeys.find(which)
  if (!changed) throw new FaultError(fault('not_found'))
  return changed
}

const ownOf = ({ signedIn }: SessionContext, id: string): Which => ({
  organizationId: signedIn.organization.id,
  id,
  userId: signedIn.userId,
})

const requireService = ({ signedIn }: SessionContext, serviceId: string): void => {
  must(mayUserManageKey(signedIn.organization.control, serviceId))
}

const platformKey = (id: string): Which => ({ organizationId: platformOrganizationId, id })

/** The contract has checked the range; the type only knows a number. */
const priorityOf = (priority: number): 1 | 2 | 3 => (priority === 1 ? 1 : priority === 2 ? 2 : 3)
