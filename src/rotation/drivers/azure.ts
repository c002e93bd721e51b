import { createHash } from 'node:crypto'
import {
  type DriverContext,
  type DriverReply,
  done,
  type RemoteKey,
  type RotationDriver,
  refused,
} from '../driver.ts'
import { ask, beforehand, jsonHeaders, parsed, textAt } from './call.ts'

const name = 'Azure'
const apiVersion = '2024-10-01'

type Slot = 'Key1' | 'Key2'
interface Slots {
  readonly Key1: string
  readonly Key2: string
}
const others: Readonly<Record<Slot, Slot>> = { Key1: 'Key2', Key2: 'Key1' }
const slotOf = (text: string | undefined): Slot | null => (text === 'Key1' || text === 'Key2' ? text : null)

/** Enough to see whether a slot has changed; of 84 random characters nobody comes back from it. */
const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const accountOf = ({ credential, key }: Pick<DriverContext, 'credential' | 'key'>): string =>
  credential['account'] || key.settings['resource'] || ''

/** Entra's client credentials. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
const token = async (context: DriverContext): Promise<DriverReply<string>> => {
  const { tenantId = '', clientId = '', clientSecret = '' } = context.credential
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: 'https://management.azure.com/.default',
  })
  return beforehand(
    await ask(
      context,
      'Microsoft Entra',
      {
        what: 'issue an access token',
        method: 'POST',
        url: `${context.addressOf('https://login.microsoftonline.com')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
      },
      ({ body }) => textAt(parsed(body), 'access_token') ?? undefined,
      ({ status }) =>
        status === 400
          ? refused('credential', 'Microsoft Entra refused the application’s credentials.')
          : null,
    ),
  )
}

const onAccount = async (
  context: DriverContext,
  what: string,
  action: 'listKeys' | 'regenerateKey',
  body?: { readonly keyName: Slot },
): Promise<DriverReply<Slots>> => {
  const access = await token(context)
  if (access.kind !== 'done') return access
  const { subscriptionId = '', resourceGroup = '' } = context.credential
  const account = `/subscriptions/${encodeURIComponent(subscriptionId)}/resourceGroups/${encodeURIComponent(resourceGroup)}/providers/Microsoft.CognitiveServices/accounts/${encodeURIComponent(accountOf(context))}`
  return ask(
    context,
    name,
    {
      what,
      method: 'POST',
      url: `${context.addressOf('https://management.azure.com')}${account}/${action}?api-version=${apiVersion}`,
      headers: { authorization: `Bearer ${access.value}`, ...jsonHeaders },
      body: body === undefined ? '' : JSON.stringify(body),
    },
    (reply) => {
      const keys = parsed(reply.body)
      const [Key1, Key2] = [textAt(keys, 'key1'), textAt(keys, 'key2')]
      return Key1 === null || Key2 === null ? undefined : { Key1, Key2 }
    },
  )
}
const read = (context: DriverContext) => onAccount(context, 'list the keys', 'listKeys')

/** The slot in use, told by its content: never by what we remember. */
const slotInUse = async (context: DriverContext, slots: Slots): Promise<DriverReply<Slot | null>> => {
  const current = await context.currentSecret()
  if (!current.ok) return refused('invalid', current.fault.message)
  if (slots.Key1 === slots.Key2) return refused('invalid', 'Both keys of the account are the same.')
  if (slots.Key1 === current.value) return done('Key1')
  return done(slots.Key2 === current.value ? 'Key2' : null)
}
const strayed = 'The key in use is neither Key 1 nor Key 2 of this account, so neither is replaced.'

/**
 * Key 1 and Key 2 of an account by turns: the one that is not in use is made anew. It is the service that has two, so
 * the slot that goes is made anew as well, once nobody uses it: that is how its old key ends.
 */
export const azure: RotationDriver = {
  id: 'azure',
  name: 'Azure Key 1 and Key 2',
  serviceIds: ['azure_openai'],
  crashClass: 'recoverable',
  findsBy: 'difference',
  docsUrl: 'https://learn.microsoft.com/azure/ai-services/rotate-keys',
  credential: [
    {
      id: 'tenantId',
      label: 'Directory (tenant)',
      hint: 'id of the Entra tenant',
      required: true,
      secret: false,
      pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      expected: 'A tenant’s id is a UUID.',
    },
    {
      id: 'clientId',
      label: 'Application (client)',
      hint: 'id of an app registration with the role Cognitive Services Contributor on the account',
      required: true,
      secret: false,
      pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      expected: 'An application’s id is a UUID.',
    },
    {
      id: 'clientSecret',
      label: 'Client secret',
      hint: 'the value of a client secret of the app registration, not its id',
      required: true,
      secret: true,
      pattern: /^[\x21-\x7e]{16,200}$/,
      expected: 'A client secret has at least 16 characters and no spaces.',
    },
    {
      id: 'subscriptionId',
      label: 'Subscription',
      hint: 'id of the subscription that the account is in',
      required: true,
      secret: false,
      pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      expected: 'A subscription’s id is a UUID.',
    },
    {
      id: 'resourceGroup',
      label: 'Resource group',
      hint: 'my-group',
      required: true,
      secret: false,
      pattern: /^[\w.()-]{1,90}$/,
      expected: 'A resource group’s name has at most 90 letters, digits and _ . ( ) -',
    },
    {
      id: 'account',
      label: 'Account',
      hint: 'name of the resource; empty: as in the key’s settings',
      required: false,
      secret: false,
      pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$/,
      expected: 'An account’s name has 2 to 64 letters, digits, dots and hyphens.',
    },
  ],
  maximumKeys: 2,
  settleSeconds: 30,
  propagationSeconds: 300,
  scopeOf: ({ credential, key }) =>
    `azure:${credential['subscriptionId']}/${credential['resourceGroup']}/${accountOf({ credential, key })}`.toLowerCase(),

  async check(context) {
    const slots = await read(context)
    if (slots.kind !== 'done') return slots
    const inUse = await slotInUse(context, slots.value)
    if (inUse.kind !== 'done') return inUse
    const slot = inUse.value
    return done([
      {
        what: 'Application and account',
        ok: true,
        detail: 'The application may read the keys of the account.',
      },
      {
        what: 'Key in use',
        ok: slot !== null,
        detail:
          slot === null
            ? strayed
            : `It is ${slot}. ${others[slot]} is made anew by a rotation: nothing else may use it.`,
      },
    ])
  },

  async identify(context) {
    const slots = await read(context)
    if (slots.kind !== 'done') return slots
    const inUse = await slotInUse(context, slots.value)
    if (inUse.kind !== 'done') return inUse
    return done(inUse.value === null ? null : remoteOf(inUse.value, slots.value))
  },

  async prepare(context) {
    const slots = await read(context)
    if (slots.kind !== 'done') return slots
    const inUse = await slotInUse(context, slots.value)
    if (inUse.kind !== 'done') return inUse
    if (inUse.value === null) return refused('invalid', strayed)
    const slot = others[inUse.value]
    return done({ slot, before: digest(slots.value[slot]) })
  },

  async create(context, attempt) {
    const slot = slotOf(attempt.prepared['slot'])
    if (slot === null) return refused('invalid', 'It is not known which of the two keys is free.')
    // Once more, right before: making the key in use anew would be an outage.
    const before = beforehand(await read(context))
    if (before.kind !== 'done') return before
    const inUse = await slotInUse(context, before.value)
    if (inUse.kind !== 'done') return inUse
    if (inUse.value !== others[slot])
      return refused('invalid', inUse.value === null ? strayed : `${slot} is in use now and is not replaced.`)
    const slots = await onAccount(context, `make ${slot} anew`, 'regenerateKey', { keyName: slot })
    if (slots.kind !== 'done') return slots
    return done({ remote: remoteOf(slot, slots.value), secret: slots.value[slot] })
  },

  async find(context, attempt) {
    const slot = slotOf(attempt.prepared['slot'])
    if (slot === null) return done([])
    const slots = await read(context)
    if (slots.kind !== 'done') return slots
    const secret = slots.value[slot]
    if (digest(secret) === attempt.prepared['before']) return done([])
    return done([{ remote: remoteOf(slot, slots.value), secret, certain: true }])
  },

  /**
   * The slot gets another key, if it still has the one that is to end. One that has changed since is somebody's key, and
   * not touched.
   */
  async revoke(context, { id, more }, secret) {
    const slot = slotOf(id)
    if (slot === null) return refused('invalid', 'It is not known which of the two keys it is.')
    const stored = await secret()
    const ending = stored.ok ? digest(stored.value) : more?.['digest']
    if (ending === undefined)
      return refused('invalid', 'It cannot be told whether the key has been replaced already.')
    const slots = beforehand(await read(context))
    if (slots.kind !== 'done') return slots
    if (digest(slots.value[slot]) !== ending) return done(undefined)
    const made = await onAccount(context, `make ${slot} anew`, 'regenerateKey', { keyName: slot })
    return made.kind === 'done' ? done(undefined) : made
  },
}

const remoteOf = (slot: Slot, slots: Slots): RemoteKey => ({
  id: slot,
  more: { digest: digest(slots[slot]) },
})
