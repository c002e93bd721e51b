import { redactSecrets } from '../kit/redact.ts'

/** What no field of a document may hold, whatever it is for. */

export interface Unfit {
  readonly path: readonly PropertyKey[]
  readonly code: 'secret_in_file' | 'unprintable'
  readonly message: string
}

/** PostgreSQL stores no NUL and a terminal obeys the rest; line ends stand in certificates and descriptions. */
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

/** Long texts of base64, which are public and may look like anything. */
const isPublic = (name: PropertyKey | undefined) => name === 'certificates' || name === 'jwks'

/** Names of fields, too: they are told to whoever applies the document. An alias may hold itself. */
export const unfitIn = (
  value: unknown,
  path: readonly PropertyKey[] = [],
  seen: Set<unknown> = new Set(),
): Unfit[] => {
  if (typeof value === 'string') return unfit(value, path)
  if (typeof value !== 'object' || value === null || isPublic(path.at(-1)) || seen.has(value)) return []
  seen.add(value)
  return Object.entries(value).flatMap(([name, part]) => {
    const own = unfit(name, path)
    return own.length > 0 ? own : unfitIn(part, [...path, Array.isArray(value) ? Number(name) : name], seen)
  })
}

const unfit = (text: string, path: readonly PropertyKey[]): Unfit[] => {
  if (redactSecrets(text) !== text)
    return [
      {
        path,
        code: 'secret_in_file',
        message:
          'A secret never stands in this file. Write env:NAME to read it from the environment, or file:/path to read it from a file.',
      },
    ]
  return control.test(text) || !text.isWellFormed()
    ? [{ path, code: 'unprintable', message: 'This holds a character that is none.' }]
    : []
}
