import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Outbound } from '../net/outbound.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import type { Vault } from '../vault/vault.ts'
import { bindingOf, type Connection, type Provider } from './connection.ts'
import { requireOwnersWayIn } from './directory.ts'
import { makeOwnKey, type OwnKey } from './own-key.ts'
import { readCertificate } from './saml-certificate.ts'
import * as store from './store.ts'
import { endAllSessions } from './store-sign-outs.ts'

export interface ConnectionInput
  extends Pick<Connection, 'name' | 'enabled' | 'joinsMembers' | 'defaultRole' | 'roleRules' | 'provider'> {
  readonly clientSecret?: string | undefined
  /** SAML: another key pair takes the place of ours. */
  readonly renewsKey?: true
  /** Of a new one, whose addresses were told already. */
  readonly id?: string | undefined
}

export interface Connections {
  list(organizationId: string): Promise<Connection[]>
  add(actor: Actor, organizationId: string, input: ConnectionInput): Promise<Outcome<Connection>>
  change(
    actor: Actor,
    place: { organizationId: string; id: string },
    input: ConnectionInput,
  ): Promise<Outcome<Connection>>
  /** What the provider was given of the old one is no use from then on. */
  renewKey(actor: Actor, place: { organizationId: string; id: string }): Promise<Outcome<Connection>>
  remove(actor: Actor, place: { organizationId: string; id: string }): Promise<Outcome<void>>
  /** Of an OIDC connection; null: it has none. */
  clientSecret(connection: Connection): Promise<Outcome<string | null>>
  /** Of a SAML connection; null: it has none. */
  ownKey(connection: Connection): Promise<Outcome<OwnKey | null>>
}

const mostConnections = 50

export const makeConnections = (parts: {
  database: Database
  vault: Vault
  outbound: Pick<Outbound, 'check'>
  clock: Clock
}): Connections => {
  const { database, vault, outbound, clock } = parts
  const { kysely } = database

  const checked = (provider: Provider): Outcome<Provider> => {
    if (provider.kind === 'oidc') {
      const issuer = outbound.check(provider.settings.issuer)
      return issuer.ok ? success(provider) : withField(issuer, 'issuer')
    }
    const certificates: string[] = []
    for (const text of provider.settings.certificates) {
      const read = readCertificate(text)
      if (!read.ok) return withField(read, 'certificates')
      certificates.push(read.value)
    }
    return success({ kind: 'saml', settings: { ...provider.settings, certificates } })
  }

  /** Browsers come back to an id, whichever organisation it is of: no two have the same. */
  const requireUnused = (t: Transaction<Schema>, id: string): Promise<void> =>
    beyondTenantsIn(t, async () => {
      await store.lockId(t, id)
      if ((await store.readConnection(t, id)) !== null)
        throw new FaultError(fault('conflict', { message: 'There is a connection of this id.', field: 'id' }))
    })

  /** In one transaction with its secret, the trail and, at another provider, the end of who was who at the old one. */
  const write = async (
    actor: Actor,
    place: { organizationId: string; id: string },
    given: ConnectionInput,
    isNew: boolean,
  ): Promise<Outcome<Connection>> => {
    const { name, enabled, joinsMembers, defaultRole, roleRules, provider } = given
    const input = { name, enabled, joinsMembers, defaultRole, roleRules, provider }
    const known = isNew ? null : await store.readConnection(kysely, place.id)
    const renews = given.renewsKey ?? false
    const makes = needsOwnKey(provider) && (renews || !known?.ownCertificate)
    const made = makes ? await makeOwnKey(name, clock()) : null
    return outcomeOf(() =>
      kysely.transaction().execute(async (t) => {
        const before = isNew ? null : await store.lockConnection(t, place.organizationId, place.id)
        if (!isNew && !before) throw new FaultError(fault('not_found'))
        if (isNew) await requireUnused(t, place.id)
        if (before && before.provider.kind !== input.provider.kind)
          throw new FaultError(
            fault('conflict', { message: 'A connection keeps its kind.', next: 'Add another one.' }),
          )
        const ownKey = before?.ownCertificate && !renews ? null : made
        const clientSecret = provider.kind === 'oidc' ? given.clientSecret : undefined
        const secret = ownKey?.privateKey ?? clientSecret
        const secretVersion = (before?.secretVersion ?? 0) + (secret === undefined ? 0 : 1)
        const sealed =
          secret === undefined
            ? // A stored secret goes to the client and issuer it was given for, and to no other.
              before && clientOf(before.provider) === clientOf(input.provider)
              ? before.sealed
              : null
            : must(await vault.seal(bindingOf(place, secretVersion), secret, t))
        const row = {
          ...place,
          ...input,
          sealed,
          secretVersion,
          ownCertificate: ownKey?.certificate ?? before?.ownCertificate ?? null,
          configuredAt:
            before && !renews && clientSecret === undefined && goesOn(before.provider, provider)
              ? before.configuredAt
              : clock(),
          version: (before?.version ?? 0) + 1,
        }
        await store.putConnection(t, row, clock())
        if (before && providerOf(before.provider) !== providerOf(input.provider))
          await store.forgetIdentities(t, place)
        else if (
          before &&
          signerOf(before.provider) !== signerOf(input.provider) &&
          !(await isOwner(t, actor, place))
        )
          await store.forgetOwners(t, place)
        if (before?.enabled && !row.enabled) await endAllSessions(t, place, clock())
        await requireOwnersWayIn(t, place.organizationId)
        await recordAudit(t, {
          organizationId: place.organizationId,
          actor,
          action: isNew ? 'sso_connection.added' : 'sso_connection.changed',
          subject: { kind: 'sso_connection', id: place.id },
          before: before ? told(before) : undefined,
          after: {
            ...told(row),
            ...(clientSecret !== undefined && { clientSecret: 'new' }),
            ...(ownKey && { ownCertificate: 'new' }),
          },
        })
        return (await store.lockConnection(t, place.organizationId, place.id)) as Connection
      }),
    )
  }

  const secretOf = async (connection: Connection): Promise<Outcome<string | null>> =>
    connection.sealed === null
      ? success(null)
      : vault.open(bindingOf(connection, connection.secretVersion), connection.sealed)

  return {
    list: (organizationId) => store.listConnections(kysely, organizationId),

    async add(actor, organizationId, input) {
      const provider = checked(input.provider)
      if (!provider.ok) return provider
      if ((await store.listConnections(kysely, organizationId)).length >= mostConnections)
        return failure('conflict', { message: `There are ${mostConnections} connections already.` })
      const place = { organizationId, id: input.id ?? newId() }
      return write(actor, place, { ...input, provider: provider.value }, true)
    },

    async change(actor, place, input) {
      const provider = checked(input.provider)
      return provider.ok ? write(actor, place, { ...input, provider: provider.value }, false) : provider
    },

    async renewKey(actor, place) {
      const connections = await store.listConnections(kysely, place.organizationId)
      const connection = connections.find(({ id }) => id === place.id)
      if (!connection) return failure('not_found')
      return needsOwnKey(connection.provider)
        ? write(actor, place, { ...connection, renewsKey: true }, false)
        : noKey
    },

    remove: (actor, place) =>
      outcomeOf(() =>
        kysely.transaction().execute(async (t) => {
          const before = await store.lockConnection(t, place.organizationId, place.id)
          if (!before) throw new FaultError(fault('not_found'))
          await store.deleteConnection(t, place.organizationId, place.id)
          await endAllSessions(t, place, clock())
          await requireOwnersWayIn(t, place.organizationId)
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor,
            action: 'sso_connection.removed',
            subject: { kind: 'sso_connection', id: place.id },
            before: told(before),
          })
        }),
      ),

    clientSecret: secretOf,

    async ownKey(connection) {
      const secret = await secretOf(connection)
      if (!secret.ok) return secret
      const { ownCertificate } = connection
      return success(
        secret.value === null || ownCertificate === null
          ? null
          : { privateKey: secret.value, certificate: ownCertificate },
      )
    },
  }
}

const noKey = failure('conflict', {
  message: 'This connection has no key pair of ours.',
  next: 'It gets one when requests are to be signed, assertions encrypted or sign-outs answered.',
})

/** Whose subjects they are. */
const providerOf = (provider: Provider): string =>
  provider.kind === 'oidc' ? provider.settings.issuer : provider.settings.entityId
/** Owners speak for owners: what one changes need not be tied anew. */
const isOwner = async (
  t: Transaction<Schema>,
  actor: Actor,
  { organizationId }: { organizationId: string },
) => actor.kind === 'user' && actor.id !== null && (await store.isOwner(t, organizationId, actor.id))

/** By whose word they are. */
const signerOf = (provider: Provider): string =>
  provider.kind === 'oidc'
    ? provider.settings.clientId
    : JSON.stringify([...provider.settings.certificates].sort())
const needsOwnKey = (provider: Provider): boolean =>
  provider.kind === 'saml' &&
  (provider.settings.signsRequests ||
    provider.settings.encryption !== 'off' ||
    provider.settings.signOutUrl !== null)

/** Whoever got in before gets in now. Certificates may be added, as one does while they change. */
const goesOn = (before: Provider, after: Provider): boolean => {
  if (before.kind === 'oidc' && after.kind === 'oidc')
    return (['issuer', 'clientId', 'scopes', 'trustsEmail'] as const).every(
      (name) => before.settings[name] === after.settings[name],
    )
  if (before.kind !== 'saml' || after.kind !== 'saml') return false
  const { settings } = after
  const isSame = (['entityId', 'signInUrl', 'emailAttribute', 'signsRequests'] as const).every(
    (name) => before.settings[name] === settings[name],
  )
  const mayStayPlain = settings.encryption !== 'required' || before.settings.encryption === 'required'
  const { certificates } = before.settings
  return isSame && mayStayPlain && certificates.every((one) => settings.certificates.includes(one))
}
const clientOf = (provider: Provider): string =>
  provider.kind === 'oidc' ? `${provider.settings.issuer} ${provider.settings.clientId}` : ''

const told = (
  row: Pick<Connection, 'name' | 'enabled' | 'joinsMembers' | 'defaultRole' | 'roleRules' | 'provider'>,
) => ({
  name: row.name,
  kind: row.provider.kind,
  provider: providerOf(row.provider),
  enabled: row.enabled,
  joinsMembers: row.joinsMembers,
  defaultRole: row.defaultRole,
  roleRules: row.roleRules,
  ...(row.provider.kind === 'oidc'
    ? { clientId: row.provider.settings.clientId, trustsEmail: row.provider.settings.trustsEmail }
    : {
        certificates: row.provider.settings.certificates.length,
        allowUnsolicited: row.provider.settings.allowUnsolicited,
      }),
})

const withField = (outcome: Extract<Outcome<unknown>, { ok: false }>, field: string) =>
  ({
    ok: false,
    fault: fault('invalid_request', { message: outcome.fault.message, next: outcome.fault.next, field }),
  }) as const
