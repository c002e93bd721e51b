import type { organizationKeyEndpoints } from '../contract/organization-keys.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import { previewOnWire, resultOnWire } from '../keys/hygiene-wire.ts'
import type { ImportOwner } from '../keys/imports.ts'
import { checkOnWire, keyOnWire } from '../keys/key-on-wire.ts'
import type { ServiceKeys, Which } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import type { OrganizationKeys, SharedKey } from './organization-keys.ts'

export const organizationKeyApi = (parts: {
  serviceKeys: ServiceKeys
  organizationKeys: OrganizationKeys
  clock: Clock
}) => {
  const { serviceKeys, organizationKeys, clock } = parts

  const onWire = ({ key, teams, limits, members, use }: SharedKey) => ({
    ...keyOnWire(key, clock()),
    teams,
    limits,
    memberCount: Number(members),
    use: useOnWire(use),
  })
  const view = async ({ organizationId, id }: Which) =>
    onWire(must(await organizationKeys.find(organizationId, id)))
  /** A key that the organisation shares: nobody's own one is reached from here. */
  const whichOf = async ({ signedIn }: SessionContext, id: string): Promise<Which> => {
    const organizationId = signedIn.organization.id
    must(await organizationKeys.find(organizationId, id))
    return { organizationId, id }
  }

  return defineHandlers<keyof typeof organizationKeyEndpoints>({
    listOwnOrganizationKeys: async (_, { signedIn }) => ({
      items: (await organizationKeys.list(signedIn.organization.id)).map(onWire),
    }),
    listMemberKeys: async (_, { signedIn }) => ({
      items: (await organizationKeys.memberKeys(signedIn.organization.id)).map(({ key, name, email }) => ({
        ...keyOnWire(key, clock()),
        userId: key.userId ?? '',
        userName: name,
        userEmail: email,
      })),
    }),
    checkNewOwnOrganizationKey: async ({ body }) => checkOnWire(must(await serviceKeys.check(body))),
    async addOwnOrganizationKey({ body }, { signedIn, actor }) {
      const organizationId = signedIn.organization.id
      const owner = { organizationId, owner: 'organization', userId: null } as const
      const { serviceKey } = must(await serviceKeys.add(actor, { ...body, ...owner }))
      return view({ organizationId, id: serviceKey.id })
    },
    previewOwnOrganizationKeyImport: async ({ body }, { signedIn }) =>
      previewOnWire(await serviceKeys.imports.preview(ownerOf(signedIn, null), body.text)),
    async importOwnOrganizationKeys({ body }, { signedIn, actor }) {
      const owner = ownerOf(signedIn, body.teamIds)
      const results = await serviceKeys.imports.run(actor, owner, body.text, body.lines)
      return { results: results.map((result) => resultOnWire(result, (key) => keyOnWire(key, clock()))) }
    },
    async recheckOwnOrganizationKey({ params }, context) {
      const which = await whichOf(context, params.id)
      must(await serviceKeys.recheck(context.actor, which))
      return view(which)
    },
    async replaceOwnOrganizationKey({ params, body }, context) {
      const which = await whichOf(context, params.id)
      must(await serviceKeys.replace(context.actor, which, body))
      return view(which)
    },
    async changeOwnOrganizationKey({ params, body }, context) {
      const which = await whichOf(context, params.id)
      // Settings first: the service may refuse them.
      if (body.settings !== undefined)
        must(await serviceKeys.changeSettings(context.actor, which, body.settings))
      if (body.label !== undefined) must(await serviceKeys.rename(context.actor, which, body.label))
      return view(which)
    },
    async revokeOwnOrganizationKey({ params }, context) {
      must(await serviceKeys.revoke(context.actor, await whichOf(context, params.id)))
      return { done: true }
    },
    async setOwnOrganizationKeyLimits({ params, body }, { signedIn, actor }) {
      const organizationId = signedIn.organization.id
      must(await organizationKeys.setLimits(actor, organizationId, params.id, body))
      return view({ organizationId, id: params.id })
    },
    async setOwnOrganizationKeyTeams({ params, body }, context) {
      const which = await whichOf(context, params.id)
      must(await serviceKeys.setTeams(context.actor, which, body.teamIds))
      return view(which)
    },
    async readOrganizationKeyUse({ params, query }, { signedIn }) {
      const used = must(await organizationKeys.useByMember(signedIn.organization.id, params.id, query.days))
      return {
        since: used.since.toISOString(),
        items: used.items.map(
          ({ lastUsedAt, operations, inputTokens, outputTokens, costNanoUsd, ...who }) => ({
            ...who,
            lastUsedAt: lastUsedAt.toISOString(),
            ...useOnWire({ operations, inputTokens, outputTokens, costNanoUsd }),
          }),
        ),
      }
    },
  })
}

const ownerOf = ({ organization }: SignedIn, teamIds: readonly string[] | null): ImportOwner => ({
  organizationId: organization.id,
  owner: 'organization',
  userId: null,
  teamIds,
  refusal: () => null,
})

const useOnWire = (use: SharedKey['use']) => ({
  operations: Number(use.operations),
  inputTokens: Number(use.inputTokens),
  outputTokens: Number(use.outputTokens),
  costNanoUsd: String(use.costNanoUsd),
})
