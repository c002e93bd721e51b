import { isAbsolute, resolve } from 'node:path'
import { lastFourOf, readSecret } from '../keys/secret.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { type Document, usersOf } from './document.ts'
import { readSmallFile } from './small-file.ts'

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

/** What kind of secret a reference leads to depends on the service that it is for. */
export interface SecretReference {
  readonly reference: string
  readonly kind: Service['secretKind']
}

export const referencesOf = (document: Document): SecretReference[] => {
  const organizations = document.organizations ?? []
  const keys = [
    ...(document.systemKeys ?? []),
    ...organizations.flatMap((o) => o.keys ?? []),
    ...organizations.flatMap(({ serviceAccounts }) => serviceAccounts ?? []).flatMap((one) => one.keys ?? []),
    ...usersOf(document).flatMap(({ user }) => user.keys ?? []),
  ]
  const references = [
    ...keys.map((key) => ({ reference: key.secret, kind: findService(key.service)?.secretKind })),
    ...organizations
      .flatMap(({ singleSignOn, webhooks }) => [
        ...(singleSignOn?.connections ?? []).map(({ clientSecret }) => clientSecret),
        ...(webhooks ?? []).map(({ secret }) => secret),
      ])
      .flatMap((reference) => (reference === undefined ? [] : [{ reference, kind: undefined }])),
  ]
  return [...new Map(references.map((each) => [JSON.stringify(each), each])).values()]
}

/** Files that a document has secrets written to. */
export const tokenPathsOf = (document: Document): string[] => [
  ...usersOf(document).flatMap(({ user }) => user.accessTokenFile ?? []),
  ...(document.platformTokens ?? []).map((token) => token.file),
  ...(document.organizations ?? []).flatMap((organization) => [
    ...(organization.serviceAccounts ?? []).flatMap(({ credentials }) =>
      (credentials ?? []).map(({ file }) => file),
    ),
    ...(organization.provisioning?.tokens ?? []).map(({ file }) => file),
    ...(organization.webhooks ?? []).flatMap(({ secretFile }) => secretFile ?? []),
  ]),
]

export const resolveSecrets = async (
  references: readonly SecretReference[],
  sources: SecretSources,
): Promise<Secrets> => {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (const wanted of references) {
    const found = await resolveSecret(wanted, sources)
    if ('problem' in found) problems.push(found.problem)
    else values.set(wanted.reference, found.secret)
  }
  return { values, problems }
}

const resolveSecret = async (
  { reference, kind }: SecretReference,
  sources: SecretSources,
): Promise<{ secret: string } | { problem: string }> => {
  const name = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('env:')) {
    const value = sources.environment[name]?.trim()
    return value
      ? checked(value, reference, kind)
      : { problem: `${reference}: the environment variable ${name} is not set.` }
  }
  const path = isAbsolute(name) ? name : resolve(sources.directory, name)
  const read = await readSmallFile(path)
  return 'text' in read
    ? checked(read.text.trim(), reference, kind)
    : { problem: `${reference}: the file cannot be read (${read.why}).` }
}

const checked = (
  text: string,
  reference: string,
  kind: Service['secretKind'],
): { secret: string } | { problem: string } => {
  const read = readSecret(text, kind)
  return read.ok ? { secret: read.value } : { problem: `${reference}: ${read.fault.message}` }
}

/** `env:NAME` → `(secret from env NAME)`, with the last four characters to tell versions apart. */
export const shownSecret = (reference: string, secret: string, kind: Service['secretKind']): string => {
  const [from, name] = [
    reference.slice(0, reference.indexOf(':')),
    reference.slice(reference.indexOf(':') + 1),
  ]
  return `(secret from ${from} ${name}, …${lastFourOf(secret, kind)})`
}
