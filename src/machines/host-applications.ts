import type { Access, AccessToken, Person, Scope } from '../access/access.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Epoch } from '../db/epoch.ts'
import { makeEpochCache } from '../db/epoch-cache.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import { defined, outcomeOf } from '../organizations/outcome.ts'
import { readHostToken, refusedHostToken, type UnverifiedToken, verifyHostToken } from './host-token.ts'
import type { KeySets } from './key-sets.ts'
import { checkGivenKeys, keyFor, type PublicKey } from './public-key.ts'
import type { ApplicationStore, StoredApplication } from './store-applications.ts'

export interface HostApplication extends StoredApplication {
  readonly token: AccessToken
}

export interface ApplicationFields {
  /** Of a new one, which its tokens name already; left out: a new id. */
  readonly id?: string | undefined
  readonly name: string
  readonly issuer: string
  readonly jwksUri: string | null
  readonly jwks: StoredApplication['jwks']
  readonly userClaim: string
  readonly matching: StoredApplication['matching']
  readonly scopes: readonly Scope[]
  readonly maximumTokenSeconds: number
  readonly frameAncestors: readonly string[]
}

/** Who a signed token stands for, and the application that signed it, as a token that expires with it. */
export interface HostCaller {
  readonly token: AccessToken
  readonly person: Person
  readonly application: StoredApplication
}

export interface HostApplications {
  list(organizationId: string): Promise<HostApplication[]>
  create(actor: Actor, organizationId: string, wanted: ApplicationFields): Promise<Outcome<HostApplication>>
  /** When this returns, every process decides by it. */
  change(
    actor: Actor,
    place: { organizationId: string; id: string },
    change: Partial<Omit<ApplicationFields, 'id'>>,
  ): Promise<Outcome<HostApplication>>
  remove(actor: Actor, place: { organizationId: string; id: string }): Promise<Outcome<void>>
  check(
    place: { organizationId: string; id: string },
    token: string | undefined,
  ): Promise<Outcome<{ keys: Outcome<readonly PublicKey[]>; caller: Outcome<HostCaller> | null }>>
  /** Signature, times, issuer, audience, and that its user is a member who may work. Asks the database and, for new keys, the application. */
  authenticate(text: string): Promise<Outcome<HostCaller>>
  find(id: string): Promise<StoredApplication | null>
}

const mostApplications = 50

/** Applications that companies run for their members, and that vouch for who is there by tokens they sign. */
export const makeHostApplications = (parts: {
  epoch: Epoch
  access: Access
  store: ApplicationStore
  keySets: KeySets
  outbound: Pick<Outbound, 'check'>
  clock: Clock
}): HostApplications => {
  const { epoch, access, store, keySets, outbound, clock } = parts

  const known = makeEpochCache<StoredApplication>({
    epoch,
    load: async (id) => {
      const application = await store.find(id)
      if (!application) throw new FaultError(refusedHostToken('There is no such application.').fault)
      return { value: application, organizationIds: [application.organizationId] }
    },
    maximumEntries: 2_000,
  })

  const tokensOf = (organizationId: string) =>
    access.listTokens({ organizationId, kind: 'platform', purposes: ['application'] })

  const list: HostApplications['list'] = async (organizationId) => {
    const [applications, tokens] = await Promise.all([store.list(organizationId), tokensOf(organizationId)])
    return tokens.flatMap((token) => {
      const application = applications.find(({ id }) => id === token.id)
      return application && token.revokedAt === null ? { ...application, token } : []
    })
  }

  const read = async (place: { organizationId: string; id: string }): Promise<HostApplication> => {
    const found = (await list(place.organizationId)).find(({ id }) => id === place.id)
    if (!found) throw new FaultError(fault('not_found'))
    return found
  }

  const checkKeys = ({ jwksUri, jwks }: Partial<ApplicationFields>): Outcome<unknown> => {
    if (jwks) return checkGivenKeys(jwks)
    if (jwksUri == null) return success(undefined)
    const checked = outbound.check(jwksUri)
    return checked.ok ? checked : { ok: false, fault: { ...checked.fault, field: 'jwksUri' } }
  }

  const verify = async (application: StoredApplication, unverified: UnverifiedToken) => {
    const fits = (keys: readonly PublicKey[]) => keyFor(keys, unverified) !== null
    const keys = await keySets.keysOf(application, fits)
    if (!keys.ok)
      return failure('service_unreachable', { message: 'The application’s public keys cannot be had.' })
    const key = keyFor(keys.value, unverified)
    if (key === null) return refusedHostToken('None of the application’s keys is the one that it names.')
    return verifyHostToken(unverified, key, application, clock())
  }

  const authenticate = async (text: string): Promise<Outcome<HostCaller>> =>
    outcomeOf(async () => {
      const unverified = must(readHostToken(text))
      const application = await known.get(unverified.applicationId)
      const { organizationId, id, matching } = application
      const verified = must(await verify(application, unverified))
      // After the signature: who cannot sign learns nothing of who is a member here.
      return beyondTenants(async () => {
        const token = must(await access.authenticateFor('application', { organizationId, id }))
        const userId = await store.findUser(organizationId, matching, verified.reference)
        if (userId === undefined) throw new FaultError(noSuchMember)
        const person = must(await access.person(organizationId, userId))
        return { token: { ...token, expiresAt: verified.expiresAt }, person, application }
      })
    })

  return {
    list,
    authenticate,
    find: async (id) => (await store.find(id)) ?? null,

    create: (actor, organizationId, { id: wantedId, name, scopes, ...wanted }) =>
      outcomeOf(async () => {
        must(checkKeys(wanted))
        if (wantedId !== undefined && (await store.find(wantedId)))
          throw new FaultError(
            fault('conflict', { message: 'There is an application of this id.', field: 'id' }),
          )
        if (
          (await tokensOf(organizationId)).filter((one) => one.revokedAt === null).length >= mostApplications
        )
          throw new FaultError(
            fault('conflict', { message: `An organisation may have ${mostApplications} applications.` }),
          )
        const id = await epoch.change(organizationId, async (t) => {
          // Its own token is thrown away: what the application signs is what stands for it.
          const { accessToken } = await access.insertToken(t, actor, {
            id: wantedId,
            organizationId,
            kind: 'platform',
            purpose: 'application',
            userId: null,
            name,
            scopes,
            expiresAt: null,
          })
          await store.insert(t, { ...wanted, organizationId, id: accessToken.id })
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'host_application.created',
            subject: { kind: 'host_application', id: accessToken.id },
            after: { name, scopes, ...told(wanted) },
          })
          return accessToken.id
        })
        return read({ organizationId, id })
      }),

    change: (actor, place, { name, scopes, ...change }) =>
      outcomeOf(async () => {
        const before = await read(place)
        must(checkKeys(change))
        await epoch.change(place.organizationId, async (t) => {
          if (name !== undefined || scopes !== undefined)
            await store.changeToken(t, place, { name, scopes: scopes && [...scopes] })
          if (Object.keys(defined(change)).length > 0) await store.change(t, place, change)
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor,
            action: 'host_application.changed',
            subject: { kind: 'host_application', id: place.id },
            before: { name: before.token.name, scopes: before.token.scopes, ...told(before) },
            after: defined({ name, scopes, ...told(change) }),
          })
        })
        return read(place)
      }),

    remove: (actor, place) =>
      outcomeOf(async () => {
        const before = await read(place)
        await epoch.change(place.organizationId, async (t) => {
          await access.revokeTokenIn(t, actor, place)
          // Other members’ sessions, which the wall keeps from whoever asks.
          await beyondTenantsIn(t, () => store.endEmbeddedSessions(t, place.id, clock()))
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor,
            action: 'host_application.removed',
            subject: { kind: 'host_application', id: place.id },
            before: { name: before.token.name, ...told(before) },
          })
        })
      }),

    check: (place, text) =>
      outcomeOf(async () => {
        const application = await read(place)
        const keys = await (application.jwksUri === null
          ? keySets.keysOf(application, () => true)
          : keySets.fetch(application.jwksUri))
        if (text === undefined) return { keys, caller: null }
        const caller = await authenticate(text)
        const isAnothers = caller.ok && caller.value.application.id !== place.id
        return { keys, caller: isAnothers ? refusedHostToken('It is for another application.') : caller }
      }),
  }
}

/** Without the keys, which are long; that they changed is what matters. */
const told = ({
  issuer,
  jwksUri,
  jwks,
  userClaim,
  matching,
  maximumTokenSeconds,
  frameAncestors,
}: Partial<StoredApplication>) => ({
  issuer,
  jwksUri,
  ...(jwks !== undefined && {
    keyIds: jwks?.keys.map(({ kid }) => (typeof kid === 'string' ? kid.slice(0, 60) : null)),
  }),
  userClaim,
  matching,
  maximumTokenSeconds,
  frameAncestors,
})

const noSuchMember = fault('unknown_user', {
  message: 'The user of this token is no member of the application’s organisation.',
  next: 'Add them to the organisation, or check which claim says who the user is.',
})
