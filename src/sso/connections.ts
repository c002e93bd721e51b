import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Vault } from '../vault/vault.ts'
import { bindingOf, type Connection, type Provider } from './connection.ts'
import { readCertificate } from './saml-certificate.ts'
import * as store from './store.ts'

export interface ConnectionInput
  extends Pick<Connection, 'name' | 'enabled' | 'joinsMembers' | 'defaultRole' | 'roleRules' | 'provider'> {
  readonly clientSecret?: string | undefined
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
  remove(actor: Actor, place: { organizationId: string; id: string }): Promise<Outcome<void>>
  /** Null: it has none. */
  clientSecret(connection: Connection): Promise<Outcome<string | null>>
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
  const write = (
    actor: Actor,
    place: { organizationId: string; id: string },
    given: ConnectionInput,
    isNew: boolean,
  ): Promise<Outcome<Connection>> =>
    outcomeOf(() =>
      kysely.transaction().execute(async (t) => {
        const { name, enabled, joinsMembers, defaultRole, roleRules, provider, clientSecret } = given
        const input = { name, enabled, joinsMembers, defaultRole, roleRules, provider }
        const before = isNew ? null : await store.lockConnection(t, place.organizationId, place.id)
        if (!isNew && !before) throw new FaultError(fault('not_found'))
        if (isNew) await requireUnused(t, place.id)
        if (before && before.provider.kind !== input.provider.kind)
          throw new FaultError(
            fault('conflict', { message: 'A connection keeps its kind.', next: 'Add another one.' }),
          )
        const secretVersion = (before?.secretVersion ?? 0) + (clientSecret === undefined ? 0 : 1)
        const sealed =
          clientSecret === undefined
            ? // A stored secret goes to the client and issuer it was given for, and to no other.
              before && clientOf(before.provider) === clientOf(input.provider)
              ? before.sealed
              : null
            : must(await vault.seal(bindingOf(place, secretVersion), clientSecret, t))
        const row = { ...place, ...input, sealed, secretVersion, version: (before?.version ?? 0) + 1 }
        await store.putConnection(t, row, clock())
        if (before && providerOf(before.provider) !== providerOf(input.provider))
          await store.forgetIdentities(t, place)
        else if (before && signerOf(before.provider) !== signerOf(input.provider))
          await store.forgetOwners(t, place)
        await recordAudit(t, {
          organizationId: place.organizationId,
          actor,
          action: isNew ? 'sso_connection.added' : 'sso_connection.changed',
          subject: { kind: 'sso_connection', id: place.id },
          before: before ? told(before) : undefined,
          after: { ...told(row), ...(clientSecret !== undefined && { clientSecret: 'new' }) },
        })
        return (await store.lockConnection(t, place.organizationId, place.id)) as Connection
      }),
    )

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

    remove: (actor, place) =>
      outcomeOf(() =>
        kysely.transaction().execute(async (t) => {
          const before = await store.lockConnection(t, place.organizationId, place.id)
          if (!before) throw new FaultError(fault('not_found'))
          await store.deleteConnection(t, place.organizationId, place.id)
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor,
            action: 'sso_connection.removed',
            subject: { kind: 'sso_connection', id: place.id },
            before: told(before),
          })
        }),
      ),

    async clientSecret(connection) {
      if (connection.sealed === null) return success(null)
      return vault.open(bindingOf(connection, connection.secretVersion), connection.sealed)
    },
  }
}

/** Whose subjects they are. */
const providerOf = (provider: Provider): string =>
  provider.kind === 'oidc' ? provider.settings.issuer : provider.settings.entityId
/** By whose word they are. */
const signerOf = (provider: Provider): string =>
  provider.kind === 'oidc'
    ? provider.settings.clientId
    : JSON.stringify([...provider.settings.certificates].sort())
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

const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}
