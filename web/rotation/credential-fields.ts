import type { RotationDriverOnWire } from '../../src/contract/rotation.ts'

type Field = RotationDriverOnWire['fields'][number]
type Texts = Readonly<Record<string, string>>

/** What is wrong with an entered field; null: nothing, or nothing entered. */
export const fieldMistake = (field: Field, text: string): string | null =>
  text.trim() === '' || new RegExp(field.pattern, field.flags).test(text.trim()) ? null : field.expected

/** Secret fields that are stored already may stay empty: what is not sent stays as it is. */
export const isWhole = (fields: readonly Field[], texts: Texts, stored: Texts): boolean =>
  fields.every((field) => {
    const text = texts[field.id]?.trim() ?? ''
    const isThere = text !== '' || (field.secret && stored[field.id] !== undefined)
    return (isThere || !field.required) && fieldMistake(field, text) === null
  })

/** Empty secrets are left out; other fields are sent as they are, so that an emptied one is taken away. */
export const fieldsToSend = (fields: readonly Field[], texts: Texts): Record<string, string> =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const text = texts[field.id]?.trim() ?? ''
      return field.secret && text === '' ? [] : [[field.id, text]]
    }),
  )
