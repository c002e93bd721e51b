import { success } from '../../kit/fault.ts'
import type { MasterKeyProvider, ParseProvider } from '../provider.ts'
import type { Surroundings } from './ask.ts'
import { makeAwsKmsProvider } from './aws-kms.ts'
import { awsMetadataHosts } from './aws-credentials.ts'
import { makeAzureProvider } from './azure-key-vault.ts'
import { azureMetadataHosts } from './azure-token.ts'
import { misconfigured, mismatch } from './faults.ts'
import { makeGcpKmsProvider } from './gcp-kms.ts'
import { gcpMetadataHosts } from './gcp-token.ts'
import { makeEnvironmentProvider, makeFileProvider } from './local.ts'
import { makePassphraseProvider } from './passphrase.ts'
import { makePkcs11Provider } from './pkcs11.ts'
import { parsePkcs11Uri } from './pkcs11-uri.ts'
import { parseAws, parseAzure, parseGcp, parseTransit } from './references.ts'
import { parseSecretSource } from './secret-source.ts'
import { makeTransitProvider } from './transit.ts'

/** A reference of each kind, for messages and docs. */
export const referenceForms = {
  file: 'file:/path',
  env: 'env:NAME',
  passphrase: 'passphrase:env:NAME or passphrase:file:/path',
  transit: 'transit:https://host:8200/v1/transit/keys/name',
  'aws-kms': 'aws-kms:arn:aws:kms:region:account:key/id',
  'gcp-kms': 'gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/k',
  'azure-key-vault': 'azure-key-vault:https://name.vault.azure.net/keys/name',
  pkcs11: 'pkcs11:token=name;object=label?module-path=/path/to/library.so',
} as const

export type ProviderKind = keyof typeof referenceForms

/** The form alone. What does not fit is not shown: somebody may have put the key itself there. */
export const parseProvider: ParseProvider = (reference, parts) => {
  const text = reference.trim()
  const kind = text.slice(0, Math.max(0, text.indexOf(':')))
  if (!isKind(kind))
    return misconfigured(
      'The setting that says where the master key is does not begin with a kind that is known.',
      `The forms are: ${Object.values(referenceForms).join('; ')}.`,
    )
  const made = makers[kind](text, parts)
  return typeof made === 'string'
    ? misconfigured(
        `The reference to the master key of the kind ${kind} is not valid: ${made}.`,
        `The form is ${referenceForms[kind]} (docs/master-keys.md).`,
      )
    : success(made.kind in local ? made : proven(made))
}

const local = { file: true, env: true, passphrase: true }

/**
 * What nothing opens must not be stored: a service, or something before it that plays one, may answer with anything.
 * Wrapping is rare, and whoever may wrap has to be allowed to unwrap.
 */
const proven = (provider: MasterKeyProvider): MasterKeyProvider => ({
  ...provider,
  async wrap(key, context) {
    const wrapped = await provider.wrap(key, context)
    if (!wrapped.ok) return wrapped
    const again = await provider.unwrap(wrapped.value, context)
    if (!again.ok) return again
    const isSame = again.value.equals(key)
    again.value.fill(0)
    return isSame ? wrapped : mismatch(provider.reference)
  },
})

const isKind = (text: string): text is ProviderKind => Object.hasOwn(referenceForms, text)

/** A text says what is wrong with the reference. */
const makers: Readonly<
  Record<ProviderKind, (text: string, surroundings: Surroundings) => MasterKeyProvider | string>
> = {
  file: (text) => {
    const source = parseSecretSource(text)
    return source?.kind === 'file' ? makeFileProvider(source.path) : 'the path must begin with /'
  },
  env: (text, { environment }) => {
    const source = parseSecretSource(text)
    return source?.kind === 'env'
      ? makeEnvironmentProvider(source.name, environment)
      : 'what follows must be the name of a variable'
  },
  passphrase: (text, { environment }) => {
    const source = parseSecretSource(text.slice('passphrase:'.length))
    return source === null
      ? 'the passphrase itself must not stand in it'
      : makePassphraseProvider({ source, environment })
  },
  transit: (text, surroundings) => {
    const address = parseTransit(text)
    return typeof address === 'string' ? address : makeTransitProvider(text, address, surroundings)
  },
  'aws-kms': (text, surroundings) => {
    const key = parseAws(text)
    return typeof key === 'string' ? key : makeAwsKmsProvider(text, key, surroundings)
  },
  'gcp-kms': (text, surroundings) => {
    const name = parseGcp(text)
    return name === null
      ? 'it must be the resource name of a key, without a version'
      : makeGcpKmsProvider(text, name, surroundings)
  },
  'azure-key-vault': (text, surroundings) => {
    const key = parseAzure(text)
    return typeof key === 'string' ? key : makeAzureProvider(text, key, surroundings)
  },
  pkcs11: (text, surroundings) => {
    const key = parsePkcs11Uri(text)
    return typeof key === 'string' ? key : makePkcs11Provider(text, key, surroundings)
  },
}

/**
 * What the outbound of master keys may reach besides public https: what the operator lists, and the metadata services
 * from which machines in clouds get their credentials.
 */
export const providerAllowances = (listed: readonly string[]): readonly string[] => [
  ...new Set([...listed, ...awsMetadataHosts, ...gcpMetadataHosts, ...azureMetadataHosts]),
]
