import { type Actor, recordAudit } from '../audit/audit.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { isId, newId } from '../kit/id.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { CredentialField, Finding, RotationDriver } from './driver.ts'
import { callTimeoutMs, type RotationParts } from './parts.ts'
import { called } from './performed.ts'
import * as store from './store-credentials.ts'
import { credentialBinding, type ToolMaker } from './tools.ts'

export interface CredentialInput {
  readonly organizationId: string
  readonly driverId: string
  readonly serviceId: string
  readonly serviceKeyId: string | null
  readonly fields: Readonly<Record<string, string>>
}

export interface Credentials {
  readonly list: () => Promise<store.CredentialRow[]>
  readonly set: (actor: Actor, input: CredentialInput) => Promise<Outcome<store.CredentialRow>>
  readonly check: (id: string) => Promise<Outcome<store.CredentialRow>>
  readonly remove: (actor: Actor, id: string) => Promise<Outcome<void>>
}

/** As long as a check with its several calls may take. */
const checkLease = (startedAt = performance.now()) => ({
  holdsFor: (ms: number) => performance.now() + ms < startedAt + 6 * callTimeoutMs,
})

/** What rotation acts with at services: sealed like service keys, and as little to be read again. */
export const makeCredentials = (parts: RotationParts, tools: ToolMaker): Credentials => {
  const { database, vault, serviceKeys, drivers, clock } = parts
  const { kysely } = database

  /** The key that it is tried with: its own, or any of its service. A check reads only. */
  const sampleKey = async ({ organizationId, serviceId, serviceKeyId }: CredentialInput) => {
    if (serviceKeyId !== null) return serviceKeys.versions.find({ organizationId, id: serviceKeyId })
    const keys = await serviceKeys.list({ organizationId, owners: ['system', 'organization'] })
    return keys.find((key) => key.serviceId === serviceId) ?? null
  }

  const tryOut = async (
    driver: RotationDriver,
    input: CredentialInput,
    values: Readonly<Record<string, string>>,
  ): Promise<{ status: store.CredentialRow['status']; findings: readonly Finding[] }> => {
    const key = await sampleKey(input)
    const { organizationId, serviceId } = input
    const stand = key ?? { organizationId, id: newId(), serviceId, baseUrl: null, settings: {} }
    const context = tools.contextOf(stand, key?.version ?? null, values, checkLease())
    const reply = await called(() => driver.check(context))
    if (reply.kind === 'done')
      return { status: reply.value.every(({ ok }) => ok) ? 'valid' : 'invalid', findings: reply.value }
    const isRefusal = reply.kind === 'refused' && reply.reason === 'credential'
    return {
      status: isRefusal ? 'invalid' : 'unknown',
      findings: [{ what: 'The credential at the service', ok: false, detail: reply.message }],
    }
  }

  return {
    list: () => store.listCredentials(kysely),

    set: async (actor, input) => {
      const { organizationId, serviceId, serviceKeyId } = input
      const driver = drivers.find(({ id }) => id === input.driverId)
      if (driver === undefined || !(driver.serviceIds === '*' || driver.serviceIds.includes(serviceId)))
        return failure('invalid_request', {
          message: 'There is no such driver for keys of this service.',
          field: 'driverId',
        })
      if (serviceKeyId !== null) {
        const key = await serviceKeys.versions.find({ organizationId, id: serviceKeyId })
        if (key === null || key.serviceId !== serviceId || key.owner === 'user') return failure('not_found')
      }
      const before = await store.atPlace(kysely, { organizationId, serviceId, serviceKeyId })
      const kept = before?.driverId === driver.id ? before : undefined
      const opened = kept === undefined ? success({}) : await tools.secretsOf(kept)
      if (!opened.ok) return opened
      const values = readFields(driver.credential, { ...kept?.fields, ...opened.value, ...input.fields })
      if (!values.ok) return values
      const { shown, secret } = apart(driver.credential, values.value)
      const tried = await tryOut(driver, input, values.value)
      if (tried.status === 'invalid')
        return failure('key_rejected', {
          message: `It may not do what a rotation needs. ${tried.findings
            .filter(({ ok }) => !ok)
            .map(({ what, detail }) => `${what}: ${detail}`)
            .join(' ')}`,
          field: 'fields',
        })
      const id = before?.id ?? newId()
      const version = (before?.version ?? 0) + 1
      const binding = credentialBinding({ organizationId, id, driverId: driver.id }, version)
      const sealed = await vault.seal(binding, JSON.stringify(secret))
      if (!sealed.ok) return sealed
      const row = {
        organizationId,
        id,
        driverId: driver.id,
        serviceId,
        serviceKeyId,
        fields: shown,
        lastFours: Object.fromEntries(Object.entries(secret).map(([name, text]) => [name, lastFour(text)])),
        version,
        sealed: sealed.value,
        ...tried,
        checkedAt: clock(),
        updatedBy: actor.id !== null && isId(actor.id) ? actor.id : null,
      }
      await kysely.transaction().execute(async (t) => {
        await store.saveCredential(t, row, clock())
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'rotation_credential.set',
          subject: { kind: 'rotation_credential', id },
          before: before === undefined ? null : { driverId: before.driverId, version: before.version },
          after: { driverId: driver.id, serviceId, serviceKeyId, version },
        })
      })
      return success({ ...row, updatedAt: clock() })
    },

    check: async (id) => {
      const row = await store.findCredential(kysely, id)
      const driver = row && drivers.find((one) => one.id === row.driverId)
      if (row === undefined || driver === undefined) return failure('not_found')
      const opened = await tools.secretsOf(row)
      if (!opened.ok) return opened
      const { status, findings } = await tryOut(driver, row, { ...row.fields, ...opened.value })
      await store.writeCheck(kysely, id, row.version, status, findings, clock())
      return success({ ...row, status, findings, checkedAt: clock() })
    },

    remove: async (actor, id) => {
      const row = await store.findCredential(kysely, id)
      if (row === undefined) return failure('not_found')
      await kysely.transaction().execute(async (t) => {
        await store.deleteCredential(t, id)
        await recordAudit(t, {
          organizationId: row.organizationId,
          actor,
          action: 'rotation_credential.removed',
          subject: { kind: 'rotation_credential', id },
          before: { driverId: row.driverId, serviceId: row.serviceId, version: row.version },
        })
      })
      return success(undefined)
    },
  }
}

/** An empty text takes one away. */
const readFields = (
  fields: readonly CredentialField[],
  given: Readonly<Record<string, string>>,
): Outcome<Record<string, string>> => {
  const unknown = Object.keys(given).find((name) => !fields.some(({ id }) => id === name))
  if (unknown !== undefined)
    return failure('invalid_request', {
      message: 'This driver has no such field.',
      field: `fields.${unknown}`,
    })
  const values: Record<string, string> = {}
  for (const field of fields) {
    const text = given[field.id]?.trim() ?? ''
    const refuse = (message: string) =>
      failure('invalid_request', { message: `${field.label}: ${message}`, field: `fields.${field.id}` })
    if (text === '') {
      if (field.required) return refuse(`it is needed: ${field.hint}.`)
      continue
    }
    if (!field.pattern.test(text)) return refuse(field.expected)
    // AWS says who acts by an id that looks like a key and opens nothing.
    const isId = /^AKIA[A-Z2-7]{16}$/.test(text)
    if (!field.secret && !isId && redactSecrets(text) !== text)
      return refuse('it is shown to others and must not hold a secret.')
    values[field.id] = text
  }
  return success(values)
}

const apart = (fields: readonly CredentialField[], values: Readonly<Record<string, string>>) => {
  const isSecret = new Set(fields.filter(({ secret }) => secret).map(({ id }) => id))
  const entries = Object.entries(values)
  return {
    shown: Object.fromEntries(entries.filter(([name]) => !isSecret.has(name))),
    secret: Object.fromEntries(entries.filter(([name]) => isSecret.has(name))),
  }
}

/** Of a document nothing tells anything. */
const lastFour = (text: string): string => (text.startsWith('{') || text.length < 12 ? '' : text.slice(-4))
