import { readFile } from 'node:fs/promises'
import { type Outcome, success } from '../../kit/fault.ts'
import { misconfigured } from './faults.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where a secret is read from. Never a part of a reference: those are stored and shown. */
export type SecretSource =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }

const largestBytes = 64 * 1024

/** `env:NAME` or `file:/path`. */
export const parseSecretSource = (text: string): SecretSource | null => {
  const name = /^env:([A-Za-z_][A-Za-z0-9_]{0,99})$/.exec(text)?.[1]
  if (name !== undefined) return { kind: 'env', name }
  const path = /^file:(?:\/\/)?(\/(?!\/)[^\0]{1,4000})$/.exec(text)?.[1]
  return path === undefined ? null : { kind: 'file', path }
}

/** Without the line end that editors leave. */
export const readSecret = async (
  source: SecretSource,
  environment: Environment,
): Promise<Outcome<string>> => {
  if (source.kind === 'file') return readSecretFile(source.path)
  const value = environment[source.name]
  return value === undefined || value === ''
    ? misconfigured(`${source.name} is not set.`, `Set ${source.name} in the environment of this process.`)
    : success(value)
}

const readSecretFile = async (path: string): Promise<Outcome<string>> => {
  const content = await contentOf(path)
  if (!content.ok) return content
  const text = content.value.toString('utf8').replace(/\r?\n$/, '')
  content.value.fill(0)
  return text === '' ? misconfigured(`${path} is empty.`, 'Write the secret into it.') : success(text)
}

export const contentOf = async (path: string): Promise<Outcome<Buffer>> => {
  try {
    const content = await readFile(path)
    return content.length > largestBytes
      ? misconfigured(`${path} is larger than a secret can be.`, 'Name the file that holds only the secret.')
      : success(content)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return misconfigured(`${path} cannot be read (${code}).`, 'Restore the file or its permissions.')
  }
}

/** `NAME`, or the file that `NAME_FILE` names, as container platforms mount secrets. Null: neither is set. */
export const secretSourceOf = (name: string, environment: Environment): SecretSource | null => {
  if (environment[name]) return { kind: 'env', name }
  const path = environment[`${name}_FILE`]
  return path ? { kind: 'file', path } : null
}
