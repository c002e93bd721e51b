import type { Transaction } from 'kysely'
import { type Mail, noMail } from '../alerts/mail.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Identity } from '../identity/identity.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { AllowedUses, ControlPolicy, Fallback, OrganizationControl } from '../policy/control.ts'
import { findService } from '../services/registry.ts'
import type { Vault } from '../vault/vault.ts'
import { defined, outcomeOf } from './outcome.ts'
import { type Deletions, makeDeletions } from './deletion.ts'
import { type Exceptions, makeExceptions } from './exceptions.ts'
import { type Invitations, makeInvitations } from './invitations.ts'
import { makeMembers, type Members } from './members.ts'
import { makePeople, type People } from './people.ts'
import { makePolicies, type Policies } from './policies.ts'
import { documentOf, isSamePolicy, unknownServiceIn } from './policy-document.ts'
import { makeOrganizationStore } from './store.ts'
import { makeWorkplaces, type Workplaces } from './workplaces.ts'

export interface Organization extends OrganizationControl {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly isDemo: boolean
}

export interface NewOrganization {
  readonly name: string
  readonly kind: 'personal' | 'company'
  readonly controlPolicy?: ControlPolicy
  readonly isDemo?: boolean
  /** Made by a user, and not by whoever runs the installation. */
  readonly selfService?: boolean
}

/** What an administrator may change of an organisation; what is left out stays. */
export interface ControlChange {
  readonly name?: string
  readonly controlPolicy?: ControlPolicy
  readonly criticalServices?: readonly string[]
  readonly systemKeysAllowed?: boolean
  readonly lockedFallback?: Fallback | null
  readonly allowed?: AllowedUses | null
  /** Why the policy changes. */
  readonly reason?: string
}

export interface Organizations
  extends People,
    Members,
    Invitations,
    Workplaces,
    Deletions,
    Policies,
    Exceptions {
  create(actor: Actor, wanted: NewOrganization): Promise<Organization>
  read(organizationId: string): Promise<Outcome<Organization>>
  /** A company by its exact name; the oldest when several share it. */
  findByName(name: string): Promise<Organization | null>
  /** When this returns, every process decides by the new policy, and the keys it forbids are suspended. */
  change(actor: Actor, organizationId: string, change: ControlChange): Promise<Outcome<Organization>>
  /** By service id; `*` is the default. */
  preferences(organizationId: string, userId: string): Promise<ReadonlyMap<string, Fallback>>
  /** Replaces all of them; `policy_denied` while the organisation locks the preference. */
  changePreferences(
    member: { organizationId: string; userId: string },
    preferences: ReadonlyMap<string, Fallback>,
  ): Promise<Outcome<void>>
}

export interface OrganizationParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly identity: Identity
  readonly ledger: Pick<Ledger, 'accountOf' | 'openAccount' | 'changeTier'>
  readonly serviceKeys: Pick<ServiceKeys, 'applyControlPolicy'>
  readonly vault: Pick<Vault, 'shred'>
  /** Left out: links of invitations are shown instead of sent. */
  readonly mail?: Mail
  readonly settings?: OrganizationSettings
  readonly clock: Clock
  readonly log: Log
}

export interface OrganizationSettings {
  /** Companies may be made by whoever is signed in. */
  readonly selfService: boolean
  /** Between asking for a deletion and the deletion. */
  readonly graceDays: number
}
const usualSettings: OrganizationSettings = { selfService: false, graceDays: 14 }

export const makeOrganizations = (parts: OrganizationParts): Organizations => {
  const { database, epoch, clock, mail = noMail } = parts
  const { selfService, graceDays } = parts.settings ?? usualSettings
  const store = makeOrganizationStore(database.kysely)
  const { enact, ...policies } = makePolicies({ ...parts, store })

  const insertOrganization = async (
    t: Transaction<Schema>,
    actor: Actor,
    id: string,
    wanted: NewOrganization,
  ) => {
    await store.insert(t, id, wanted)
    await store.insertFirstPolicy(t, id, actor, clock())
    await recordAudit(t, {
      organizationId: id,
      actor,
      action: 'organization.created',
      subject: { kind: 'organization', id },
      after: { name: wanted.name, kind: wanted.kind, controlPolicy: wanted.controlPolicy ?? 'user_control' },
    })
  }

  const { joinIn, ...members } = makeMembers({ ...parts, store })

  return {
    ...makePeople({ ...parts, store, insertOrganization, joinIn }),
    ...members,
    ...makeInvitations({ ...parts, store, mail, joinIn }),
    ...makeWorkplaces({ database, epoch, selfService, joinIn, insertOrganization }),
    ...makeDeletions({ ...parts, graceDays }),
    ...policies,
    ...makeExceptions({ ...parts, store }),

    async create(actor, wanted) {
      const id = newId()
      await epoch.change(id, (t) => insertOrganization(t, actor, id, wanted))
      return must(await this.read(id))
    },

    async read(id) {
      const organization = await store.read(id)
      return organization ? success(organization) : failure('not_found')
    },

    findByName: async (name) => (await store.findByName(name)) ?? null,

    async change(actor, organizationId, { name, reason, ...change }) {
      const control = defined(change)
      if (name === undefined && Object.keys(control).length === 0) return this.read(organizationId)
      return outcomeOf(() =>
        epoch.change(organizationId, async (t) => {
          const before = await store.readForChange(t, organizationId)
          if (!before || before.kind === 'platform') throw new FaultError(fault('not_found'))
          const document = documentOf({ ...before, ...control })
          must(unknownServiceIn(document))
          if (name !== undefined && name !== before.name) {
            await store.rename(t, organizationId, name)
            await recordAudit(t, {
              organizationId,
              actor,
              action: 'organization.changed',
              subject: { kind: 'organization', id: organizationId },
              before: { name: before.name },
              after: { name },
            })
          }
          if (!isSamePolicy(documentOf(before), document))
            await enact(t, { actor, before, document, reason: reason ?? null, restores: null })
          return { ...before, ...document, name: name ?? before.name }
        }),
      )
    },

    preferences: (organizationId, userId) => store.preferences(database.kysely, organizationId, userId),

    async changePreferences(member, preferences) {
      const unknown = [...preferences.keys()].find(
        (serviceId) => serviceId !== '*' && !findService(serviceId),
      )
      if (unknown !== undefined)
        return failure('invalid_request', { message: `There is no service ${unknown}.`, field: 'services' })
      return outcomeOf(() =>
        epoch.change(member.organizationId, async (t) => {
          const organization = await store.readForChange(t, member.organizationId)
          if (organization?.lockedFallback)
            throw new FaultError(
              fault('policy_denied', {
                message: 'Your organisation has fixed the fallback preference for everybody.',
              }),
            )
          const before = await store.preferences(t, member.organizationId, member.userId)
          await store.replacePreferences(t, member, preferences)
          await recordAudit(t, {
            organizationId: member.organizationId,
            actor: { kind: 'user', id: member.userId },
            action: 'fallback_preference.changed',
            subject: { kind: 'user', id: member.userId },
            before: Object.fromEntries(before),
            after: Object.fromEntries(preferences),
          })
        }),
      )
    },
  }
}
