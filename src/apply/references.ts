import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { lastFourOf, readSecret } from '../keys/secret.ts'
import { type Document, usersOf } from './document.ts'

/** Where secrets come from. Resolved once, before anything is planned; a secret is in memory only. */
export interface Secrets {
  /** By reference, as the document writes it. */
  readonly values: ReadonlyMap<string, string>
  readonly problems: readonly string[]
}

export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Relative paths are from here. */
  readonly directory: string
}

export const referencesOf = (document: Document): string[] => {
  const keys = [
    ...(document.systemKeys ?? []),
    ...(document.organizations ?? []).flatMap((o) => o.keys ?? []),
    ...usersOf(document).flatMap(({ user }) => user.keys ?? []),
  ]
  return [...new Set(keys.map((key) => key.secret))]
}

export const resolveSecrets = async (
  references: readonly string[],
  sources: SecretSources,
): Promise<Secrets> => {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (const reference of references) {
    const found = await resolveSecret(reference, sources)
    if ('problem' in found) problems.push(found.problem)
    else values.set(reference, found.secret)
  }
  return { values, problems }
}

const resolveSecret = async (
  reference: string,
  sources: SecretSources,
): Promise<{ secret: string } | { problem: string }> => {
  const name = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('env:')) {
    const value = sources.environment[name]?.trim()
    return value
      ? checked(value, reference)
      : { problem: `${reference}: the environment variable ${name} is not set.` }
  }
  const path = isAbsolute(name) ? name : resolve(sources.directory, name)
  try {
    return checked((await readFile(path, 'utf8')).trim(), reference)
  } catch (error) {
    return {
      problem: `${reference}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
    }
  }
}

const checked = (text: string, reference: string): { secret: string } | { problem: string } => {
  const read = readSecret(text)
  return read.ok ? { secret: read.value } : { problem: `${reference}: ${read.fault.message}` }
}

/** `env:NAME` → `(secret from env NAME)`, with the last four characters to tell versions apart. */
export const shownSecret = (reference: string, secret: string): string => {
  const [kind, name] = [
    reference.slice(0, reference.indexOf(':')),
    reference.slice(reference.indexOf(':') + 1),
  ]
  return `(secret from ${kind} ${name}, …${lastFourOf(secret)})`
}
