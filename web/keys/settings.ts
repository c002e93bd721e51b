import type { Service, SettingField } from '../../src/contract/service-keys.ts'

export type Settings = Readonly<Record<string, string>>

/** What is wrong with an entered setting; null: nothing, or nothing entered. */
export const mistakeIn = (field: SettingField, text: string): string | null =>
  text.trim() === '' || new RegExp(field.pattern, field.flags).test(text.trim()) ? null : field.expected

/** Every required setting is there and none is mistaken. */
export const areComplete = (service: Service, settings: Settings): boolean =>
  service.settingFields.every((field) => {
    const text = settings[field.id]?.trim() ?? ''
    return (text !== '' || !field.required) && mistakeIn(field, text) === null
  })

/** All of them, so that an emptied one is taken away; undefined for the many services that have none. */
export const settingsToSend = (service: Service | undefined, settings: Settings): Settings | undefined =>
  service === undefined || service.settingFields.length === 0
    ? undefined
    : Object.fromEntries(service.settingFields.map(({ id }) => [id, settings[id]?.trim() ?? '']))

/** The parts of a JSON secret by which a person knows it; null: it is no JSON document. */
export interface DocumentFacts {
  readonly account: string | null
  readonly keyId: string | null
  readonly fields: Readonly<Record<string, unknown>>
}

export const readDocument = (text: string): DocumentFacts | null => {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null
    const fields = parsed as Record<string, unknown>
    return { account: textOf(fields['client_email']), keyId: textOf(fields['private_key_id']), fields }
  } catch {
    return null
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Settings that the document says itself, where nothing else was entered. */
export const withDocument = (service: Service | undefined, settings: Settings, secret: string): Settings => {
  const document = service?.secretKind === 'json' ? readDocument(secret) : null
  if (!service || !document) return settings
  const said = service.settingFields.flatMap(({ id, inSecret }) => {
    const text = inSecret === null ? null : textOf(document.fields[inSecret])
    return text !== null && !settings[id] ? [[id, text] as const] : []
  })
  return { ...settings, ...Object.fromEntries(said) }
}
