import { randomBytes } from 'node:crypto'
import { bearerOf, type Call, json, type Parts, readBody, type Reply, type StandIn } from './stand-in.ts'

export interface AzureSettings {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly account: string
}
export type Slot = 'Key1' | 'Key2'

const service = 'azure_openai'
const apiVersions = ['2023-05-01', '2024-10-01', '2025-06-01']
const failure = (status: number, message: string, code = 'InvalidRequest'): Reply =>
  json(status, { error: { code, message } })

/**
 * Entra's token endpoint, and the two keys of a Cognitive Services account in Azure Resource Manager.
 * https://learn.microsoft.com/rest/api/aiservices/accountmanagement/accounts/regenerate-key
 */
export const makeAzureKeys = (
  parts: Parts,
  settings: AzureSettings,
): StandIn & {
  readonly settings: AzureSettings
  slot(name: Slot): string
  /** Puts a secret that exists elsewhere, too, into a slot. */
  place(name: Slot, secret: string): void
} => {
  const { secrets, conditions, now, next } = parts
  const tokens = new Map<string, number>()
  const slots: Record<Slot, string | null> = { Key1: null, Key2: null }

  const fill = (name: Slot, secret: string) => {
    const before = slots[name]
    if (before !== null) secrets.revoke(service, before)
    const issued = secrets.issue({
      service,
      id: `${name}-${next()}`,
      secret,
      name,
      delayMs: conditions.propagationMs,
    })
    slots[name] = issued.id
    return issued
  }
  const newSecret = () => `de300${randomBytes(20).toString('hex')}`.slice(0, 32)
  const secretIn = (name: Slot): string => {
    const id = slots[name] ?? fill(name, newSecret()).id
    return secrets.find(service, id)?.secret ?? ''
  }
  const both = (): Reply => json(200, { key1: secretIn('Key1'), key2: secretIn('Key2') })

  /** Names of resources are told apart whatever their case. */
  const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase()
  const misplaced = (call: Call, [subscription, group, account]: readonly string[]): Reply | null => {
    const version = call.query.get('api-version')
    if (version === null)
      return failure(
        400,
        'The api-version query parameter (?api-version=) is required.',
        'MissingApiVersionParameter',
      )
    if (!apiVersions.includes(version))
      return failure(400, `The api-version '${version}' is not supported.`, 'InvalidApiVersionParameter')
    if (!same(subscription, settings.subscriptionId))
      return failure(404, `The subscription '${subscription}' could not be found.`, 'SubscriptionNotFound')
    if (!same(group, settings.resourceGroup))
      return failure(404, `Resource group '${group}' could not be found.`, 'ResourceGroupNotFound')
    return same(account, settings.account)
      ? null
      : failure(404, `The Resource 'accounts/${account}' was not found.`, 'ResourceNotFound')
  }
  const regenerate = (call: Call, names: readonly string[]): Reply => {
    const wrong = misplaced(call, names)
    if (wrong) return wrong
    const body = readBody(call, { keyName: (value) => value === 'Key1' || value === 'Key2' }, ['keyName'])
    if ('wrong' in body) return failure(400, body.wrong, 'InvalidRequestContent')
    fill(body.value['keyName'] as Slot, newSecret())
    return both()
  }
  const token = (call: Call, [tenant]: readonly string[]): Reply => {
    const no = (error: string, description: string) =>
      json(error === 'invalid_client' ? 401 : 400, { error, error_description: description })
    if (!call.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return no('invalid_request', 'AADSTS900144: The request body must contain the parameter: grant_type.')
    const form = new URLSearchParams(call.body.toString('utf8'))
    if (tenant !== settings.tenantId)
      return no('invalid_request', `AADSTS90002: Tenant '${tenant}' not found.`)
    if (form.get('grant_type') !== 'client_credentials')
      return no('unsupported_grant_type', 'AADSTS70003: The app requested an unsupported grant type.')
    if (form.get('client_id') !== settings.clientId)
      return no('unauthorized_client', 'AADSTS700016: Application was not found in the directory.')
    if (form.get('client_secret') !== settings.clientSecret)
      return no('invalid_client', 'AADSTS7000215: Invalid client secret provided.')
    if (form.get('scope') !== 'https://management.azure.com/.default')
      return no('invalid_scope', 'AADSTS1002012: The provided value for scope is not valid.')
    const access = `eyJdemo-not-a-real-token-${next()}.${randomBytes(12).toString('hex')}`
    tokens.set(access, now() + 3_599_000)
    return json(200, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: access })
  }

  const account =
    '^/subscriptions/([^/]+)/resource[Gg]roups/([^/]+)/providers/Microsoft\\.CognitiveServices/accounts/([^/]+)'
  return {
    service,
    settings,
    slot: secretIn,
    place: (name, secret) => void fill(name, secret),
    routes: [
      {
        method: 'POST',
        path: /^\/([^/]+)\/oauth2\/v2\.0\/token$/,
        verb: 'token',
        open: true,
        handle: token,
      },
      {
        method: 'POST',
        path: new RegExp(`${account}/regenerateKey$`),
        verb: 'create',
        query: ['api-version'],
        handle: regenerate,
      },
      {
        method: 'POST',
        path: new RegExp(`${account}/listKeys$`),
        verb: 'list',
        query: ['api-version'],
        handle: (call, names) => misplaced(call, names) ?? both(),
      },
    ],
    authenticate(call) {
      const until = tokens.get(bearerOf(call) ?? '')
      return until !== undefined && until > now()
        ? null
        : failure(401, 'The access token is missing or invalid.', 'AuthenticationFailed')
    },
    refuse: (status, message) => failure(status, message, status === 429 ? 'TooManyRequests' : 'Error'),
    adopt: (secret) => fill('Key1', secret),
  }
}
