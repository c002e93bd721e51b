import { failure, type Outcome, success } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings, Service, SettingField } from '../services/service.ts'

/** A hundred deployments of Azure, each with its model, have less. */
const longest = 4_096

/**
 * What a person entered beside a secret, against the fields that the service asks for. Settings are shown and audited,
 * so none may hold a secret; they only ever lead to another host of the same service, whose patterns see to that.
 */
export const readSettings = (service: Service, given: KeySettings, secret: string): Outcome<KeySettings> => {
  const fields = service.settingFields ?? []
  if (Object.keys(given).some((id) => !fields.some((field) => field.id === id)))
    return failure('invalid_request', { message: unknownSetting(service), field: 'settings' })
  const document = service.secretKind === 'json' ? documentOf(secret) : {}
  const settings: Record<string, string> = {}
  for (const field of fields) {
    const text = given[field.id]?.trim() || textIn(document, field.inSecret)
    if (text === '') {
      if (field.required) return refused(field, `${service.name} keys need it: ${field.hint}.`)
      continue
    }
    if (holdsSecret(text, secret)) return refused(field, 'It is shown to others and must not hold a secret.')
    if (text.length > longest || !field.pattern.test(text)) return refused(field, field.expected)
    settings[field.id] = text
  }
  return success(settings)
}

const refused = (field: SettingField, why: string) =>
  failure('invalid_request', { message: `${field.label}: ${why}`, field: `settings.${field.id}` })

const unknownSetting = ({ name, settingFields = [] }: Service): string =>
  settingFields.length === 0
    ? `${name} keys have no settings.`
    : `${name} keys have these settings: ${settingFields.map(({ id }) => id).join(', ')}.`

const documentOf = (secret: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(secret) as Record<string, unknown>
  } catch {
    return {}
  }
}

const textIn = (document: Readonly<Record<string, unknown>>, name: string | undefined): string => {
  const value = name === undefined ? undefined : document[name]
  return typeof value === 'string' ? value : ''
}

/** AWS says it beside the secret key, as a name; it opens nothing. */
const isAccessKeyId = (text: string): boolean => /^AKIA[A-Z2-7]{16}$/.test(text)

const holdsSecret = (text: string, secret: string): boolean =>
  redactSecrets(text, [secret]) !== text && !(isAccessKeyId(text) && text !== secret)

/** Those named change, an empty text takes one away, the others stay. */
export const changedSettings = (before: KeySettings, given: KeySettings): KeySettings =>
  Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, text]) => text.trim() !== ''))

export const areSameSettings = (a: KeySettings, b: KeySettings): boolean => {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every((name) => a[name] === b[name])
}

/** For the audit trail, which takes nothing that looks like a key: access key ids do. */
export const auditedSettings = (settings: KeySettings): KeySettings =>
  Object.fromEntries(
    Object.entries(settings).map(([id, text]) => [
      id,
      redactSecrets(text) === text ? text : `…${text.slice(-4)}`,
    ]),
  )

/** The settings that say where a key belongs: with others, the same secret is another key. */
export const placeOf = (serviceId: string, settings: KeySettings): readonly (readonly [string, string])[] =>
  (findService(serviceId)?.settingFields ?? [])
    .filter((field) => field.required)
    .map(({ id }) => [id, settings[id] ?? ''] as const)
