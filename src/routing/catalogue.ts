import type { Transaction } from 'kysely'
import type { AuditAction } from '../audit/actions.ts'
import { recordAudit, type Actor } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Epoch } from '../db/epoch.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { parseAllowance } from '../net/address.ts'
import type { Outbound } from '../net/outbound.ts'
import { findService, services } from '../services/registry.ts'
import type { KeySettings, Service } from '../services/service.ts'
import { type Groups, makeGroups } from './groups.ts'
import { makeCatalogueStore, type ServiceSetting } from './store.ts'

/** The services as this installation has set them up: base URLs, on or off, private addresses that may be reached. */
export interface Catalogue {
  readonly groups: Groups
  /** Reads the settings; again whenever the platform's configuration changes. */
  load(): Promise<void>
  isEnabled(serviceId: string): boolean
  /** Enabled services, in the order of the registry. */
  enabled(): readonly Service[]
  /** No trailing slash. Null: the service has none and the service key brings none either. */
  baseUrlOf(serviceId: string, serviceKeyBaseUrl?: string | null, settings?: KeySettings): string | null
  list(): { serviceId: string; baseUrl: string | null; defaultBaseUrl: string | null; enabled: boolean }[]
  change(actor: Actor, serviceId: string, change: ServiceChange): Promise<Outcome<void>>
  allowances(): readonly string[]
  addAllowance(actor: Actor, address: string): Promise<Outcome<void>>
  removeAllowance(actor: Actor, address: string): Promise<Outcome<void>>
}

export interface ServiceChange {
  /** Null: back to the service's own. */
  readonly baseUrl?: string | null
  readonly enabled?: boolean
}

export const makeCatalogue = (parts: { database: Database; epoch: Epoch; outbound: Outbound }): Catalogue => {
  const { database, epoch, outbound } = parts
  const store = makeCatalogueStore(database.kysely)
  const groups = makeGroups({ database, epoch })
  let settings = new Map<string, ServiceSetting>()
  let allowed: readonly string[] = []
  let enabledServices: readonly Service[] = services

  const load = async () => {
    const [rows, addresses] = await Promise.all([store.settings(), store.allowances(), groups.load()])
    settings = new Map(rows.map((row) => [row.serviceId, row]))
    enabledServices = services.filter((service) => settings.get(service.id)?.enabled ?? true)
    if (addresses.join() !== allowed.join()) outbound.allow(addresses)
    allowed = addresses
  }

  const changed = async (
    actor: Actor,
    action: AuditAction,
    id: string,
    before: unknown,
    after: unknown,
    work: (transaction: Transaction<Schema>) => Promise<void>,
  ) => {
    await epoch.change(platformOrganizationId, async (transaction) => {
      await work(transaction)
      await recordAudit(transaction, {
        organizationId: platformOrganizationId,
        actor,
        action,
        subject: { kind: 'service_setting', id },
        before,
        after,
      })
    })
    await load()
    return success(undefined)
  }

  return {
    groups,
    load,
    enabled: () => enabledServices,
    isEnabled: (serviceId) => settings.get(serviceId)?.enabled ?? true,
    baseUrlOf(serviceId, serviceKeyBaseUrl, keySettings) {
      const replaced = serviceKeyBaseUrl ?? settings.get(serviceId)?.baseUrl
      if (replaced) return replaced
      const service = findService(serviceId)
      return (keySettings && service?.baseUrlFor?.(keySettings)) ?? service?.baseUrl ?? null
    },
    list: () =>
      services.map((service) => ({
        serviceId: service.id,
        baseUrl: settings.get(service.id)?.baseUrl ?? null,
        defaultBaseUrl: service.baseUrl,
        enabled: settings.get(service.id)?.enabled ?? true,
      })),
    allowances: () => allowed,

    async change(actor, serviceId, change) {
      if (!findService(serviceId)) return failure('not_found', { field: 'serviceId' })
      const before = settings.get(serviceId) ?? { serviceId, baseUrl: null, enabled: true }
      const after = { ...before, ...change }
      if (after.baseUrl !== null) {
        const checked = outbound.check(after.baseUrl)
        if (!checked.ok) return { ok: false, fault: { ...checked.fault, field: 'baseUrl' } }
        after.baseUrl = after.baseUrl.replace(/\/+$/, '')
      }
      return changed(actor, 'service_setting.changed', serviceId, before, after, (t) =>
        store.saveSetting(t, after),
      )
    },

    async addAllowance(actor, address) {
      const text = address.trim().toLowerCase()
      if (!parseAllowance(text))
        return failure('invalid_request', {
          message: 'An allowance is a host, host:port, an address, or a network such as 10.1.0.0/16.',
          field: 'address',
        })
      if (allowed.includes(text)) return success(undefined)
      return changed(actor, 'outbound_allowance.added', text, null, { address: text }, (t) =>
        store.addAllowance(t, text),
      )
    },

    async removeAllowance(actor, address) {
      if (!allowed.includes(address)) return failure('not_found')
      return changed(actor, 'outbound_allowance.removed', address, { address }, null, (t) =>
        store.removeAllowance(t, address),
      )
    },
  }
}
