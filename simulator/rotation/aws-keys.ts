import { randomBytes } from 'node:crypto'
import { checkSignature } from '../aws-signature.ts'
import { demoAccessKeyId } from '../keys.ts'
import type { IssuedSecret } from './issued-secrets.ts'
import { type Call, type Parts, type Reply, stamp, type StandIn, type Verb } from './stand-in.ts'

export interface AwsSettings {
  /** Of whoever manages the keys. */
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The IAM user whose keys are managed. */
  readonly userName: string
  readonly accountId: string
}

const service = 'bedrock'
const bedrockName = 'bedrock.amazonaws.com'
const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/'
const requestId = '00000000-0000-4000-8000-000000000000'

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

type Fields = Readonly<Record<string, string | null>>
const elements = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, value]) => (value === null ? '' : `<${name}>${escaped(value)}</${name}>`))
    .join('')

const xml = (status: number, body: string): Reply => ({
  status,
  headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
  body,
})
const failure = (status: number, code: string, message: string): Reply =>
  xml(
    status,
    `<ErrorResponse xmlns="${namespace}"><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  )
const success = (action: string, result: string | null): Reply =>
  xml(
    200,
    `<${action}Response xmlns="${namespace}">${result === null ? '' : `<${action}Result>${result}</${action}Result>`}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`,
  )

const verbs: Readonly<Record<string, Verb>> = {
  CreateAccessKey: 'create',
  CreateServiceSpecificCredential: 'create',
  ListAccessKeys: 'list',
  ListServiceSpecificCredentials: 'list',
  GetAccessKeyLastUsed: 'read',
  UpdateAccessKey: 'disable',
  UpdateServiceSpecificCredential: 'disable',
  DeleteAccessKey: 'revoke',
  DeleteServiceSpecificCredential: 'revoke',
}
/** Parameters of each action: required ones with `!`. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  CreateAccessKey: ['UserName'],
  ListAccessKeys: ['UserName', 'Marker', 'MaxItems'],
  GetAccessKeyLastUsed: ['AccessKeyId!'],
  UpdateAccessKey: ['UserName', 'AccessKeyId!', 'Status!'],
  DeleteAccessKey: ['UserName', 'AccessKeyId!'],
  CreateServiceSpecificCredential: ['UserName!', 'ServiceName!', 'CredentialAgeDays'],
  ListServiceSpecificCredentials: ['UserName', 'ServiceName', 'AllUsers', 'Marker', 'MaxItems'],
  UpdateServiceSpecificCredential: ['UserName', 'ServiceSpecificCredentialId!', 'Status!'],
  DeleteServiceSpecificCredential: ['UserName', 'ServiceSpecificCredentialId!'],
}
const formOf = (call: Call): URLSearchParams => new URLSearchParams(call.body.toString('utf8'))

/**
 * IAM's Query API: access keys, and service-specific credentials of Bedrock. At most two of each for a user, and lists
 * that lag behind. https://docs.aws.amazon.com/IAM/latest/APIReference/
 */
export const makeAwsKeys = (
  parts: Parts,
  settings: AwsSettings,
): StandIn & { readonly settings: AwsSettings; adoptCredential(): IssuedSecret } => {
  const { secrets, conditions, now, next } = parts
  const aliases = new Map<string, string>()

  const isCredential = ({ id }: IssuedSecret) => id.startsWith('ACCA')
  const existing = (credentials: boolean) =>
    secrets.of(service).filter((one) => one.revokedAt === null && isCredential(one) === credentials)
  const listed = (credentials: boolean) =>
    existing(credentials).filter((one) => one.createdAt + conditions.listingMs <= now())

  const issueKey = (secret = `demo-not-a-real-secret${randomBytes(12).toString('base64url')}`.slice(0, 40)) =>
    secrets.issue({
      service,
      id: demoAccessKeyId(secret),
      secret,
      name: null,
      delayMs: conditions.propagationMs,
    })
  const issueCredential = () => {
    const number = next()
    const alias = `BedrockAPIKey-${number}-at-${settings.accountId}`
    const secret = `ABSK${Buffer.from(`${alias}:demo-not-a-real-secret-${randomBytes(60).toString('hex')}`)
      .toString('base64')
      .replaceAll('=', '')}`
    const id = `ACCA${String(number)
      .padStart(16, 'A')
      .replace(/[^A-Z]/g, (c) => 'BCDEFGHIJK'[Number(c)] ?? 'L')}`
    aliases.set(id, alias)
    return secrets.issue({ service, id, secret, name: null, delayMs: conditions.propagationMs })
  }
  const status = (one: IssuedSecret) => (one.disabled ? 'Inactive' : 'Active')
  const keyFields = (one: IssuedSecret): Fields => ({
    UserName: settings.userName,
    AccessKeyId: one.id,
    Status: status(one),
    CreateDate: stamp(one.createdAt),
  })
  const credentialFields = (one: IssuedSecret): Fields => ({
    UserName: settings.userName,
    ServiceSpecificCredentialId: one.id,
    ServiceName: bedrockName,
    ServiceCredentialAlias: aliases.get(one.id) ?? null,
    Status: status(one),
    CreateDate: stamp(one.createdAt),
  })
  const members = (name: string, all: readonly Fields[]) =>
    `<IsTruncated>false</IsTruncated><${name}>${all.map((one) => `<member>${elements(one)}</member>`).join('')}</${name}>`
  const noSuch = (what: string, id: string | null) =>
    failure(404, 'NoSuchEntity', `The ${what} with id ${id} cannot be found.`)

  /** The one that a form names, among keys or credentials. */
  const named = (form: URLSearchParams, credentials: boolean): IssuedSecret | Reply => {
    const id = form.get(credentials ? 'ServiceSpecificCredentialId' : 'AccessKeyId')
    const one = existing(credentials).find((candidate) => candidate.id === id)
    return one ?? noSuch(credentials ? 'Service Specific Credential' : 'Access Key', id)
  }
  const update = (action: string, credentials: boolean) => (form: URLSearchParams) => {
    const one = named(form, credentials)
    if ('status' in one) return one
    const wanted = form.get('Status')
    if (wanted !== 'Active' && wanted !== 'Inactive')
      return failure(400, 'ValidationError', `Value '${wanted}' at 'status' failed to satisfy constraint.`)
    secrets.disable(service, one.id, wanted === 'Inactive')
    return success(action, null)
  }
  const remove = (action: string, credentials: boolean) => (form: URLSearchParams) => {
    const one = named(form, credentials)
    if ('status' in one) return one
    secrets.revoke(service, one.id)
    return success(action, null)
  }
  const isFull = (credentials: boolean) => existing(credentials).length >= Math.min(conditions.limit, 2)

  const actions: Readonly<Record<string, (form: URLSearchParams) => Reply>> = {
    CreateAccessKey: () => {
      if (isFull(false)) return failure(409, 'LimitExceeded', 'Cannot exceed quota for AccessKeysPerUser: 2')
      const one = issueKey()
      const fields = { ...keyFields(one), SecretAccessKey: one.secret }
      return success('CreateAccessKey', `<AccessKey>${elements(fields)}</AccessKey>`)
    },
    ListAccessKeys: () =>
      success('ListAccessKeys', members('AccessKeyMetadata', listed(false).map(keyFields))),
    GetAccessKeyLastUsed: (form) => {
      const one = named(form, false)
      if ('status' in one) return one
      const used = one.lastUsedAt === null ? null : stamp(one.lastUsedAt)
      const last = elements({
        ...(used === null ? {} : { LastUsedDate: used }),
        ServiceName: used === null ? 'N/A' : 'bedrock',
        Region: used === null ? 'N/A' : 'us-east-1',
      })
      return success(
        'GetAccessKeyLastUsed',
        `<UserName>${escaped(settings.userName)}</UserName><AccessKeyLastUsed>${last}</AccessKeyLastUsed>`,
      )
    },
    UpdateAccessKey: update('UpdateAccessKey', false),
    DeleteAccessKey: remove('DeleteAccessKey', false),
    CreateServiceSpecificCredential: (form) => {
      if (form.get('ServiceName') !== bedrockName)
        return failure(404, 'NotSupportedService', 'The service does not support these credentials.')
      if (isFull(true))
        return failure(409, 'LimitExceeded', 'Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2')
      const one = issueCredential()
      const fields = { ...credentialFields(one), ServiceCredentialSecret: one.secret }
      return success(
        'CreateServiceSpecificCredential',
        `<ServiceSpecificCredential>${elements(fields)}</ServiceSpecificCredential>`,
      )
    },
    ListServiceSpecificCredentials: () =>
      success(
        'ListServiceSpecificCredentials',
        members('ServiceSpecificCredentials', listed(true).map(credentialFields)),
      ),
    UpdateServiceSpecificCredential: update('UpdateServiceSpecificCredential', true),
    DeleteServiceSpecificCredential: remove('DeleteServiceSpecificCredential', true),
  }

  const handle = (call: Call): Reply => {
    if (!call.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return failure(404, 'UnknownOperationException', 'The content type must be a form.')
    const form = formOf(call)
    const action = form.get('Action') ?? ''
    const act = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (!act || form.get('Version') !== '2010-05-08')
      return failure(400, 'InvalidAction', `Could not find operation ${action} for the version.`)
    const known = parameters[action] ?? []
    const stray = [...form.keys()].find(
      (name) => !['Action', 'Version'].includes(name) && !known.some((one) => one.replace('!', '') === name),
    )
    if (stray !== undefined) return failure(400, 'ValidationError', `Unknown parameter ${stray}.`)
    const missing = known.find((one) => one.endsWith('!') && !form.has(one.slice(0, -1)))
    if (missing !== undefined)
      return failure(
        400,
        'ValidationError',
        `Value null at '${missing.slice(0, -1)}' failed to satisfy constraint.`,
      )
    // Without a name it would be the keys of whoever signed.
    if (form.has('UserName') && form.get('UserName') !== settings.userName)
      return failure(404, 'NoSuchEntity', `The user with name ${form.get('UserName')} cannot be found.`)
    if (!form.has('UserName') && action !== 'GetAccessKeyLastUsed')
      return failure(400, 'ValidationError', 'Must specify userName when calling with non-User credentials')
    return act(form)
  }

  return {
    service,
    settings,
    routes: [
      {
        method: 'POST',
        path: /^\/$/,
        verb: (call) => verbs[formOf(call).get('Action') ?? ''] ?? 'read',
        handle,
      },
    ],
    authenticate(call) {
      const signed = checkSignature({ ...call, nowMs: now(), service: 'iam' }, (id) =>
        id === settings.accessKeyId ? settings.secretAccessKey : null,
      )
      if ('secret' in signed) return null
      const code = {
        UnrecognizedClientException: 'InvalidClientTokenId',
        InvalidSignatureException: 'SignatureDoesNotMatch',
        IncompleteSignatureException: 'IncompleteSignature',
      }[signed.type]
      return failure(403, code ?? 'AccessDenied', signed.message)
    },
    refuse: (status, message) =>
      failure(
        status,
        status === 429 ? 'Throttling' : status === 403 ? 'AccessDenied' : 'ServiceFailure',
        message,
      ),
    adopt: (secret) => issueKey(secret),
    adoptCredential: issueCredential,
  }
}
