import { signedHeaders } from '../../services/signature.ts'
import type { OutboundReply } from '../../net/outbound.ts'
import {
  type Attempt,
  type CreatedKey,
  type DriverContext,
  type DriverReply,
  done,
  type FoundKey,
  type RemoteKey,
  type RotationDriver,
  refused,
  unknownOutcome,
} from '../driver.ts'
import { type Failed, exchange, failureOf, isSuccess } from './call.ts'
import { timeOf } from './names.ts'

const name = 'AWS'
const bedrock = 'bedrock.amazonaws.com'
/** Clocks differ, and AWS says whole seconds. */
const skewMs = 60_000

/** The two kinds of keys that Bedrock takes: of an IAM user, and Bedrock's own for that user. */
interface Kind {
  readonly create: string
  readonly list: string
  readonly update: string
  readonly remove: string
  /** The element that holds the id. */
  readonly id: 'AccessKeyId' | 'ServiceSpecificCredentialId'
  readonly secret: string
  readonly scope: Readonly<Record<string, string>>
  readonly called: string
}
const accessKeys: Kind = {
  create: 'CreateAccessKey',
  list: 'ListAccessKeys',
  update: 'UpdateAccessKey',
  remove: 'DeleteAccessKey',
  id: 'AccessKeyId',
  secret: 'SecretAccessKey',
  scope: {},
  called: 'access keys',
}
const bedrockKeys: Kind = {
  create: 'CreateServiceSpecificCredential',
  list: 'ListServiceSpecificCredentials',
  update: 'UpdateServiceSpecificCredential',
  remove: 'DeleteServiceSpecificCredential',
  id: 'ServiceSpecificCredentialId',
  secret: 'ServiceCredentialSecret',
  scope: { ServiceName: bedrock },
  called: 'Bedrock API keys',
}
const kindOf = ({ key }: Pick<DriverContext, 'key'>): Kind =>
  key.settings['accessKeyId'] ? accessKeys : bedrockKeys

/** IAM is one for all regions of a partition. */
const endpointOf = ({ key }: DriverContext) =>
  key.settings['region']?.startsWith('cn-')
    ? { address: 'https://iam.cn-north-1.amazonaws.com.cn', region: 'cn-north-1' }
    : { address: 'https://iam.amazonaws.com', region: 'us-east-1' }

const call = async (
  context: DriverContext,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<{ kind: 'replied'; reply: OutboundReply } | Failed> => {
  const { address, region } = endpointOf(context)
  const url = new URL(`${context.addressOf(address)}/`)
  const body = new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }).toString()
  const outgoing = { method: 'POST', url, headers: {}, body: Buffer.from(body), at: context.now() }
  const signature = await signedHeaders({
    accessKeyId: context.credential['accessKeyId'] ?? '',
    secretAccessKey: context.credential['secretAccessKey'] ?? '',
    region,
    service: 'iam',
    outgoing,
  })
  return exchange(context, name, {
    what: `do ${action}`,
    method: 'POST',
    url: url.href,
    headers: { ...signature, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body,
  })
}

/** IAM's replies are flat XML without attributes or CDATA: an element's text, and the members of a list. */
const elementIn = (xml: string, element: string): string | null => {
  const found = new RegExp(`<${element}>([^<]{0,4000})</${element}>`).exec(xml)?.[1]
  return found === undefined
    ? null
    : found.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}
const membersOf = (xml: string): string[] => xml.split('<member>').slice(1)

const failed = (action: string, reply: OutboundReply): Failed => {
  const code = elementIn(reply.body.slice(0, 64_000), 'Code')
  if (code === 'Throttling' || code === 'ThrottlingException' || code === 'RequestLimitExceeded')
    return refused('limited', `AWS asked to slow down when asked to do ${action}.`) as Failed
  if (code === 'LimitExceeded') return refused('cap', `AWS allows no more keys for this user.`) as Failed
  return failureOf(name, `do ${action}`, reply)
}

interface Listed {
  readonly id: string
  readonly isActive: boolean
  readonly createdAt: Date | null
  readonly alias: string | null
}

const list = async (context: DriverContext): Promise<DriverReply<readonly Listed[]>> => {
  const kind = kindOf(context)
  const { userName = '' } = context.credential
  const replied = await call(context, kind.list, { UserName: userName, ...kind.scope })
  if (replied.kind !== 'replied') return replied
  const { reply } = replied
  if (!isSuccess(reply.status)) return failed(kind.list, reply)
  if (!reply.body.includes(`<${kind.list}Result>`))
    return unknownOutcome(`AWS answered something unreadable when asked to do ${kind.list}.`)
  return done(
    membersOf(reply.body).flatMap((member) => {
      const id = elementIn(member, kind.id)
      return id === null
        ? []
        : [
            {
              id,
              isActive: elementIn(member, 'Status') === 'Active',
              createdAt: timeOf(elementIn(member, 'CreateDate')),
              alias: elementIn(member, 'ServiceCredentialAlias'),
            },
          ]
    }),
  )
}

/** Done where there is no such key: also where there is no such user any more. */
const onKey = async (
  context: DriverContext,
  action: string,
  id: string,
  more: Readonly<Record<string, string>> = {},
  isGoneFine = false,
): Promise<DriverReply<void>> => {
  const kind = kindOf(context)
  const { userName = '' } = context.credential
  const replied = await call(context, action, { UserName: userName, [kind.id]: id, ...more })
  if (replied.kind !== 'replied') return replied
  const { reply } = replied
  if (isSuccess(reply.status)) return done(undefined)
  const isGone = reply.status === 404 && elementIn(reply.body.slice(0, 64_000), 'Code') === 'NoSuchEntity'
  return isGone && isGoneFine ? done(undefined) : failed(action, reply)
}

const lastUsed = async (context: DriverContext, id: string): Promise<DriverReply<Date | null>> => {
  const replied = await call(context, 'GetAccessKeyLastUsed', { AccessKeyId: id })
  if (replied.kind !== 'replied') return replied
  const { reply } = replied
  if (!isSuccess(reply.status)) return failed('GetAccessKeyLastUsed', reply)
  return done(timeOf(elementIn(reply.body, 'LastUsedDate')))
}

const isFull = (keys: readonly Listed[], { called }: Kind) =>
  refused(
    'cap',
    `The user has ${keys.length} ${called}, as many as AWS allows: ${keys
      .map(({ id, isActive }) => `…${id.slice(-4)} (${isActive ? 'active' : 'inactive'})`)
      .join(', ')}. Delete the one that is not in use.`,
  )

/**
 * AWS's keys have no name. What an attempt made is what was not there before its intent: nobody else makes keys for this
 * user (docs), and ours are made one at a time. Two new ones, or one that somebody has used already (nobody has the
 * secret of an orphan), are not surely ours.
 */
const orphans = async (
  context: DriverContext,
  keys: readonly Listed[],
  attempt: Attempt,
): Promise<DriverReply<readonly FoundKey[]>> => {
  const known = (attempt.prepared['existing'] ?? '').split(' ')
  const since = attempt.intendedAt.getTime() - skewMs
  const fresh = keys.filter(
    ({ id, createdAt }) => !known.includes(id) && createdAt !== null && createdAt.getTime() >= since,
  )
  const found: FoundKey[] = []
  for (const { id } of fresh) {
    const used = kindOf(context) === accessKeys ? await lastUsed(context, id) : done(null)
    if (used.kind !== 'done') return used
    found.push({ remote: { id }, secret: null, certain: fresh.length === 1 && used.value === null })
  }
  return done(found)
}

const created = (context: DriverContext, body: string): DriverReply<CreatedKey> => {
  const kind = kindOf(context)
  const [id, secret] = [elementIn(body, kind.id), elementIn(body, kind.secret)]
  if (id === null || secret === null)
    return unknownOutcome(`AWS answered something unreadable when asked to do ${kind.create}.`)
  const settings = kind === accessKeys ? { settings: { accessKeyId: id } } : {}
  return done({ remote: { id }, secret, ...settings })
}

/** A Bedrock API key is `ABSK` and the base64 of its public alias, a colon, and the rest. */
const aliasOf = (secret: string): string | null =>
  /^ABSK[A-Za-z0-9+/]{40,400}={0,2}$/.test(secret)
    ? (Buffer.from(secret.slice(4), 'base64').toString('latin1').split(':')[0] ?? null)
    : null

const current = async (
  context: DriverContext,
  keys: readonly Listed[],
): Promise<DriverReply<RemoteKey | null>> => {
  const { accessKeyId } = context.key.settings
  if (accessKeyId) return done(keys.some(({ id }) => id === accessKeyId) ? { id: accessKeyId } : null)
  const secret = await context.currentSecret()
  if (!secret.ok) return refused('invalid', secret.fault.message)
  const alias = aliasOf(secret.value)
  const match = alias === null ? [] : keys.filter((one) => one.alias === alias)
  return done(match.length === 1 && match[0] ? { id: match[0].id } : null)
}

/** Access keys of an IAM user, or Bedrock API keys of one: whichever the service key is. Two at most of each. */
export const aws: RotationDriver = {
  id: 'aws',
  name: 'AWS access keys and Bedrock API keys',
  serviceIds: ['bedrock'],
  crashClass: 'orphan_detectable',
  findsBy: 'difference',
  docsUrl: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
  credential: [
    {
      id: 'accessKeyId',
      label: 'Access key ID of the key administrator',
      hint: 'AKIA…, of another user than the one whose keys are rotated',
      required: true,
      secret: false,
      pattern: /^AKIA[A-Z2-7]{16}$/,
      expected: 'An access key ID is AKIA and 16 more characters.',
    },
    {
      id: 'secretAccessKey',
      label: 'Secret access key of the key administrator',
      hint: 'its policy allows the iam: actions that docs/rotation-services.md lists, on that one user',
      required: true,
      secret: true,
      pattern: /^[A-Za-z0-9/+=_-]{30,128}$/,
      expected: 'A secret access key has 40 letters, digits, / and +.',
    },
    {
      id: 'userName',
      label: 'IAM user',
      hint: 'whose keys are rotated; it is for Aideon Keys alone',
      required: true,
      secret: false,
      pattern: /^[\w+=,.@-]{1,64}$/,
      expected: 'A user’s name has at most 64 letters, digits and _ + = , . @ -',
    },
  ],
  maximumKeys: 2,
  settleSeconds: 120,
  propagationSeconds: 120,
  scopeOf: ({ credential }) => `aws:${credential['accessKeyId']}/${credential['userName']}`,

  async check(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const kind = kindOf(context)
    const isOwn = context.credential['accessKeyId'] === context.key.settings['accessKeyId']
    return done([
      { what: 'Key administrator', ok: true, detail: `It may list the ${kind.called} of the user.` },
      {
        what: 'Another user',
        ok: !isOwn,
        detail: isOwn
          ? 'The key to rotate manages itself: it could not delete itself.'
          : 'It is not the key to rotate.',
      },
      // No fault: while an old key is on its way out there are two.
      {
        what: 'Room for one more',
        ok: true,
        detail: `The user has ${keys.value.length} of at most 2 ${kind.called}.`,
      },
    ])
  },

  async identify(context) {
    const keys = await list(context)
    return keys.kind === 'done' ? current(context, keys.value) : keys
  },

  async prepare(context) {
    if (context.credential['accessKeyId'] === context.key.settings['accessKeyId'])
      return refused(
        'invalid',
        'The key to rotate cannot be the one that manages it: it could not delete itself.',
      )
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const { accessKeyId } = context.key.settings
    if (accessKeyId && !keys.value.some(({ id }) => id === accessKeyId))
      return refused(
        'invalid',
        'The key in use is none of this user’s: a new one would be another user’s, who may do other things.',
      )
    if (keys.value.length >= 2) return isFull(keys.value, kindOf(context))
    return done({ existing: keys.value.map(({ id }) => id).join(' ') })
  },

  async create(context) {
    const kind = kindOf(context)
    const { userName = '' } = context.credential
    const replied = await call(context, kind.create, { UserName: userName, ...kind.scope })
    if (replied.kind !== 'replied') return replied
    const { reply } = replied
    return isSuccess(reply.status) ? created(context, reply.body) : failed(kind.create, reply)
  },

  async find(context, attempt) {
    const keys = await list(context)
    return keys.kind === 'done' ? orphans(context, keys.value, attempt) : keys
  },

  lastUsed: async (context, { id }) => (kindOf(context) === accessKeys ? lastUsed(context, id) : done(null)),
  disable: (context, { id }) => onKey(context, kindOf(context).update, id, { Status: 'Inactive' }, true),
  enable: (context, { id }) => onKey(context, kindOf(context).update, id, { Status: 'Active' }),
  revoke: (context, { id }) => onKey(context, kindOf(context).remove, id, {}, true),
}
