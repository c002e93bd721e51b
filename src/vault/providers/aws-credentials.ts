import { type Outcome, success } from '../../kit/fault.ts'
import { ask, recordOf, type Surroundings, textOf } from './ask.ts'
import { type Credentials, type Lease, leaseFor, makeCredentials } from './credentials.ts'
import { misconfigured, refused, strange } from './faults.ts'
import { readSecret, secretSourceOf } from './secret-source.ts'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
}

/** Where AWS's own metadata services are, and nothing else (link-local). */
export const awsMetadataHosts = ['169.254.169.254:80', '169.254.170.2:80', '169.254.170.23:80'] as const

const metadata = 'http://169.254.169.254'
const taskMetadata = 'http://169.254.170.2'

/**
 * In the order of AWS's own SDKs, without their files in the home directory: the environment, a web identity (EKS),
 * a container's endpoint (ECS, EKS Pod Identity), the instance (IMDSv2 only).
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export const makeAwsCredentials = (
  region: string,
  suffix: string,
  surroundings: Surroundings,
): Credentials<AwsCredentials> =>
  makeCredentials({
    clock: surroundings.clock,
    obtain: () => {
      const { environment } = surroundings
      if (environment['AWS_ACCESS_KEY_ID']) return fromEnvironment(surroundings)
      if (environment['AWS_WEB_IDENTITY_TOKEN_FILE'])
        return fromWebIdentity(`https://sts.${region}.${suffix}/`, surroundings)
      if (
        environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] ||
        environment['AWS_CONTAINER_CREDENTIALS_FULL_URI']
      )
        return fromContainer(surroundings)
      return fromInstance(surroundings)
    },
  })

const fromEnvironment = async ({ environment }: Surroundings): Promise<Outcome<Lease<AwsCredentials>>> => {
  const secret = secretSourceOf('AWS_SECRET_ACCESS_KEY', environment)
  if (secret === null)
    return misconfigured(
      'AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not.',
      'Set both, or neither to use the role of the container or instance.',
    )
  const text = await readSecret(secret, environment)
  if (!text.ok) return text
  const value = {
    accessKeyId: environment['AWS_ACCESS_KEY_ID'] as string,
    secretAccessKey: text.value,
    sessionToken: environment['AWS_SESSION_TOKEN'] || null,
  }
  return success({ value, freshUntil: null })
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html: unsigned, XML. */
const fromWebIdentity = async (
  url: string,
  surroundings: Surroundings,
): Promise<Outcome<Lease<AwsCredentials>>> => {
  const { environment, clock } = surroundings
  const role = environment['AWS_ROLE_ARN']
  if (!role) return misconfigured('AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not.', 'Set both.')
  const path = environment['AWS_WEB_IDENTITY_TOKEN_FILE'] as string
  const token = await readSecret({ kind: 'file', path }, environment)
  if (!token.ok) return token
  const answer = await ask(surroundings, new URL(url).host, {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: role,
      RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] || 'aideon-keys',
      WebIdentityToken: token.value,
    }).toString(),
  })
  if (!answer.ok) return answer
  const { status, text } = answer.value
  const element = (name: string) => new RegExp(`<${name}>([^<]{1,4096})</${name}>`).exec(text)?.[1]
  if (status === 200)
    return leaseOf(
      {
        AccessKeyId: element('AccessKeyId'),
        SecretAccessKey: element('SecretAccessKey'),
        Token: element('SessionToken'),
        Expiration: element('Expiration'),
      },
      clock(),
      new URL(url).host,
      status,
    )
  return status === 400 || status === 403
    ? refused(
        new URL(url).host,
        'the role of AWS_ROLE_ARN may not be taken with this web identity.',
        'Check the role’s trust policy and the service account of the pod.',
      )
    : strange(new URL(url).host, status)
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
const fromContainer = async (surroundings: Surroundings): Promise<Outcome<Lease<AwsCredentials>>> => {
  const { environment, clock } = surroundings
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']
  const url = relative ? `${taskMetadata}${relative}` : environment['AWS_CONTAINER_CREDENTIALS_FULL_URI']
  const parsed = URL.parse(url ?? '')
  // The authorization goes there: not over plain http to anywhere but AWS's own endpoints.
  const isOwn = awsMetadataHosts.includes(`${parsed?.hostname}:80` as (typeof awsMetadataHosts)[number])
  if (parsed === null || (parsed.protocol !== 'https:' && !isOwn))
    return misconfigured(
      'The container’s credentials are at an address that is neither https nor one of AWS.',
      'Correct AWS_CONTAINER_CREDENTIALS_FULL_URI.',
    )
  const source = secretSourceOf('AWS_CONTAINER_AUTHORIZATION_TOKEN', environment)
  const token = source === null ? success(null) : await readSecret(source, environment)
  if (!token.ok) return token
  const answer = await ask(surroundings, parsed.host, {
    method: 'GET',
    url: parsed.href,
    headers: token.value === null ? {} : { authorization: token.value },
  })
  if (!answer.ok) return answer
  return leaseOf(answer.value.json, clock(), parsed.host, answer.value.status)
}

/** IMDSv2: a session first. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
const fromInstance = async (surroundings: Surroundings): Promise<Outcome<Lease<AwsCredentials>>> => {
  const none = misconfigured(
    'There are no credentials for AWS.',
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the container or instance a role.',
  )
  if (surroundings.environment['AWS_EC2_METADATA_DISABLED'] === 'true') return none
  const where = 'the instance’s metadata service'
  const session = await ask(surroundings, where, {
    method: 'PUT',
    url: `${metadata}/latest/api/token`,
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '300' },
  })
  // Off AWS nobody is at that address.
  if (!session.ok || session.value.status !== 200) return none
  const headers = { 'x-aws-ec2-metadata-token': session.value.text }
  const roles = `${metadata}/latest/meta-data/iam/security-credentials/`
  const role = await ask(surroundings, where, { method: 'GET', url: roles, headers })
  if (!role.ok) return role
  const name = /^[\w+=,.@-]{1,64}$/.exec(role.value.text.trim())?.[0]
  if (role.value.status !== 200 || name === undefined) return none
  const answer = await ask(surroundings, where, { method: 'GET', url: `${roles}${name}`, headers })
  if (!answer.ok) return answer
  return leaseOf(answer.value.json, surroundings.clock(), where, answer.value.status)
}

const leaseOf = (
  json: Readonly<Record<string, unknown>>,
  at: Date,
  where: string,
  status: number,
): Outcome<Lease<AwsCredentials>> => {
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = recordOf(json)
  const [accessKeyId, secretAccessKey] = [textOf(AccessKeyId), textOf(SecretAccessKey)]
  const until = Date.parse(textOf(Expiration) ?? '')
  if (status !== 200 || accessKeyId === null || secretAccessKey === null || Number.isNaN(until))
    return strange(where, status)
  const value = { accessKeyId, secretAccessKey, sessionToken: textOf(Token) }
  return success(leaseFor(value, (until - at.getTime()) / 1000, at))
}
