import type { ServiceKeyView } from '../keys/keys.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { SecretBinding } from '../vault/vault.ts'
import { assistedDriver, assistedId } from './assisted.ts'
import type { DriverContext, RotationDriver } from './driver.ts'
import type { Abilities } from './machine.ts'
import { callTimeoutMs, type RotationParts } from './parts.ts'
import * as store from './store-credentials.ts'

/** A driver with all it needs for one key, or why it cannot work. */
export interface Tools {
  readonly driver: RotationDriver
  readonly abilities: Abilities
  readonly context: DriverContext
  /** Null: the driver may be called. */
  readonly unusable: string | null
}

/** Calls begin only while this much time is left. */
export interface Lease {
  readonly holdsFor: (ms: number) => boolean
}

const maximumReplyBytes = 2 * 1024 * 1024

export const credentialBinding = (
  { organizationId, id, driverId }: Pick<store.CredentialRow, 'organizationId' | 'id' | 'driverId'>,
  version: number,
): SecretBinding => ({
  organizationId,
  owner: organizationId === platformOrganizationId ? 'system' : 'organization',
  userId: null,
  serviceId: `rotation ${driverId}`,
  serviceKeyId: id,
  version,
})

export const makeTools = (parts: RotationParts) => {
  const { database, vault, outbound, serviceKeys, drivers, clock, log } = parts

  const secretsOf = async (row: store.CredentialRow): Promise<Outcome<Record<string, string>>> => {
    const opened = await vault.open(credentialBinding(row, row.version), row.sealed)
    if (opened.ok) return success(JSON.parse(opened.value) as Record<string, string>)
    log.error({ rotationCredentialId: row.id }, 'a stored secret failed its integrity check')
    return opened
  }

  /** The driver of the credential that is set; else one that needs none; else a person. A user's key is the user's. */
  const driverFor = async (
    key: ServiceKeyView,
  ): Promise<{ driver: RotationDriver; credential: store.CredentialRow | null }> => {
    if (key.owner === 'user') return { driver: assistedDriver(key.serviceId), credential: null }
    const credential = (await store.credentialFor(database.kysely, key)) ?? null
    const of = (id: string) => drivers.find((driver) => driver.id === id)
    const driver =
      credential === null
        ? drivers.find((one) => one.credential.length === 0 && one.serviceIds.includes(key.serviceId))
        : of(credential.driverId)
    return { driver: driver ?? assistedDriver(key.serviceId), credential }
  }

  const contextOf = (
    key: Pick<ServiceKeyView, 'organizationId' | 'id' | 'serviceId' | 'baseUrl' | 'settings'>,
    version: number | null,
    credential: Readonly<Record<string, string>>,
    lease: Lease,
  ): DriverContext => ({
    key: {
      serviceKeyId: key.id,
      serviceId: key.serviceId,
      baseUrl: key.baseUrl,
      settings: key.settings,
    },
    credential,
    currentSecret: async () =>
      version === null ? failure('not_found') : serviceKeys.versions.open(key, version),
    request: async (request) =>
      lease.holdsFor(callTimeoutMs + 1000)
        ? outbound.request({ ...request, timeoutMs: callTimeoutMs, maximumBytes: maximumReplyBytes })
        : failure('service_timeout', { message: 'There was no time left for this call.' }),
    addressOf: parts.addressOf ?? ((standard) => standard),
    now: clock,
  })

  return {
    secretsOf,
    driverFor,
    contextOf,

    /** For an attempt: the driver that it began with, with the credential of now. */
    async toolsFor(
      key: ServiceKeyView,
      driverId: string | null,
      version: number,
      lease: Lease,
    ): Promise<Tools> {
      const found = await driverFor(key)
      const begun =
        driverId === null || driverId === found.driver.id
          ? found.driver
          : driverId === assistedId
            ? assistedDriver(key.serviceId)
            : drivers.find((driver) => driver.id === driverId)
      const driver = begun ?? assistedDriver(key.serviceId)
      const { credential } = found
      const isOther = credential !== null && credential.driverId !== driver.id
      const needsOne = driver.credential.some((field) => field.required)
      const opened =
        credential === null || isOther ? success<Record<string, string>>({}) : await secretsOf(credential)
      const unusable = !opened.ok
        ? opened.fault.message
        : needsOne && (credential === null || isOther)
          ? `No credential of ${driver.name} is set for this key.`
          : null
      const values =
        opened.ok && credential !== null && !isOther ? { ...credential.fields, ...opened.value } : {}
      return {
        driver,
        unusable,
        abilities: abilitiesOf(driver, unusable === null),
        context: contextOf(key, version, values, lease),
      }
    },
  }
}

export type ToolMaker = ReturnType<typeof makeTools>

export const abilitiesOf = (driver: RotationDriver, usable: boolean): Abilities => ({
  create: usable && driver.create !== undefined,
  find: usable && driver.find !== undefined,
  disable: usable && driver.disable !== undefined,
  revoke: usable && driver.revoke !== undefined,
  settleSeconds: driver.settleSeconds,
  propagationSeconds: driver.propagationSeconds,
})
