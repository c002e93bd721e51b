import type { AwsKey } from './aws-kms.ts'
import type { AzureKey } from './azure-key-vault.ts'
import type { AzureCloud } from './azure-token.ts'
import type { TransitAddress } from './transit-login.ts'

/** Each gives a sentence's end where the text is not of its form; none may quote it. */

const transitPath = /^\/v1\/((?:[\w.-]+\/){1,10})keys\/(\w(?:[\w.-]*\w)?)$/
const mountPath = /^[\w.-]+(?:\/[\w.-]+){0,9}$/

/** `transit:https://host:8200/v1/transit/keys/name?namespace=team&approle=approle` */
export const parseTransit = (text: string): TransitAddress | string => {
  const url = URL.parse(text.slice('transit:'.length))
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return 'what follows must be an https address'
  if (url.username || url.password) return 'credentials must not stand in it'
  const path = transitPath.exec(url.pathname)
  if (path === null || url.hash !== '') return 'its path must be /v1/<mount>/keys/<name>'
  const unknown = [...url.searchParams.keys()].some((name) => name !== 'namespace' && name !== 'approle')
  if (unknown) return 'only namespace and approle may follow the ?'
  const [namespace, approle] = [
    url.searchParams.get('namespace'),
    url.searchParams.get('approle') ?? 'approle',
  ]
  if ((namespace !== null && !mountPath.test(namespace)) || !mountPath.test(approle))
    return 'namespace and approle must be paths'
  return {
    origin: url.origin,
    mount: (path[1] as string).slice(0, -1),
    name: path[2] as string,
    namespace,
    approle,
  }
}

/** Host names of AWS's partitions. */
const suffixes: Readonly<Record<string, string>> = {
  aws: 'amazonaws.com',
  'aws-us-gov': 'amazonaws.com',
  'aws-cn': 'amazonaws.com.cn',
  'aws-eusc': 'amazonaws.eu',
}

/** `aws-kms:arn:aws:kms:eu-central-1:123456789012:key/…`, or `alias/…`. */
export const parseAws = (text: string): AwsKey | string => {
  const arn = text.slice('aws-kms:'.length)
  const found =
    /^arn:(aws[a-z-]*):kms:([a-z]{2,}(?:-[a-z]+)+-\d{1,2}):\d{12}:(?:key\/[\w-]{1,128}|alias\/[\w/-]{1,250})$/.exec(
      arn,
    )
  if (found === null) return 'what follows must be the ARN of a key or an alias'
  const suffix = suffixes[found[1] as string]
  return suffix === undefined
    ? 'keys of this partition of AWS are not supported'
    : { arn, region: found[2] as string, suffix }
}

/** `gcp-kms:projects/…/locations/…/keyRings/…/cryptoKeys/…` */
export const parseGcp = (text: string): string | null => {
  const name = text.slice('gcp-kms:'.length)
  return /^projects\/[a-z0-9.:-]{1,100}\/locations\/[a-z0-9-]{1,63}\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}$/.test(
    name,
  )
    ? name
    : null
}

/** Tokens are asked for a cloud's own key vaults; they go nowhere else. */
const clouds: readonly (readonly [string, AzureCloud])[] = [
  ['azure.net', 'https://login.microsoftonline.com'],
  ['azure.cn', 'https://login.partner.microsoftonline.cn'],
  ['usgovcloudapi.net', 'https://login.microsoftonline.us'],
].flatMap(([domain, authority]) =>
  ['vault', 'managedhsm'].map((kind): readonly [string, AzureCloud] => [
    `.${kind}.${domain}`,
    { audience: `https://${kind}.${domain}`, authority: authority as string },
  ]),
)

/** `azure-key-vault:https://name.vault.azure.net/keys/name[/version]` */
export const parseAzure = (text: string): AzureKey | string => {
  const url = URL.parse(text.slice('azure-key-vault:'.length))
  if (url?.protocol !== 'https:' || url.port !== '') return 'what follows must be an https address'
  if (url.username || url.password) return 'credentials must not stand in it'
  const cloud = clouds.find(
    ([suffix]) =>
      url.hostname.endsWith(suffix) && /^[a-z0-9-]{3,24}$/.test(url.hostname.slice(0, -suffix.length)),
  )?.[1]
  if (cloud === undefined) return 'its host must be a key vault or managed HSM of Azure'
  const path = /^\/keys\/([0-9A-Za-z-]{1,127})(?:\/([0-9a-f]{32}))?$/.exec(url.pathname)
  if (path === null || url.search !== '' || url.hash !== '')
    return 'its path must be /keys/<name>[/<version>]'
  return { vault: url.origin, name: path[1] as string, version: path[2] ?? null, cloud }
}
