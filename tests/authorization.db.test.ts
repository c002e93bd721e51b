import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Endpoint } from '../src/contract/endpoint.ts'
import { type EndpointName, endpointOf, endpoints, urlOf } from '../src/contract/endpoints.ts'
import { may, type Permission, roles } from '../src/contract/permissions.ts'
import { must } from '../src/kit/fault.ts'
import { emit } from '../src/webhooks/events.ts'
import { newId, platformOrganizationId } from '../src/kit/id.ts'
import { services } from '../src/services/registry.ts'
import { insertOperation } from './operation-row.ts'
import { providerCertificate } from './sso/certificates.ts'
import {
  type AnyRequest,
  type Browser,
  callEndpoint,
  cookieFrom,
  goodSecret,
  type Http,
  operator,
  startHttp,
} from './http-harness.ts'

/** Every endpoint of the contract × everybody who may call it or not; a new endpoint is a type error here. */

let http: Http
let owner: Browser
let stranger: Browser
let administrator: Browser
/** Runs another company: foreign in every way. */
let outsider: Browser
/** Signed in too long ago for what needs a fresh proof. */
let staleOwner: Browser
let staleAdministrator: Browser
/** Of the owner; of the owner for calling models only; of the outsider; of the platform. */
let tokens: Record<'read' | 'operations' | 'foreign' | 'platform', string>

const signInLongAgo = async (as: Pick<Browser, 'userId' | 'organizationId'>): Promise<Browser> => {
  const browser = await http.signIn(as)
  await http.database.pool.query(
    `UPDATE sessions SET proved_at = now() - interval '1 day' WHERE id = (SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1)`,
    [as.userId],
  )
  return browser
}
const tokenText = async (
  name: 'createAccessToken' | 'createPlatformToken',
  as: Browser,
  body: Record<string, unknown> = {},
) => {
  const created = await callEndpoint(http.app, name, as, { body: { name: 'Matrix', ...body } })
  return created.json<{ token: string }>().token
}

beforeAll(async () => {
  http = await startHttp()
  const company = await http.organizations.create(operator, { name: 'Company', kind: 'company' })
  owner = await http.createBrowser({ organizationId: company.id, role: 'owner' })
  // In the same organisation: the narrowest kind of foreign.
  stranger = await http.createBrowser({ organizationId: company.id })
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
  const another = await http.organizations.create(operator, { name: 'Another company', kind: 'company' })
  outsider = await http.createBrowser({ organizationId: another.id, role: 'owner' })
  staleOwner = await signInLongAgo(owner)
  staleAdministrator = await signInLongAgo(administrator)
  tokens = {
    read: await tokenText('createAccessToken', owner, { scopes: ['read'] }),
    operations: await tokenText('createAccessToken', owner, { scopes: ['operations'] }),
    foreign: await tokenText('createAccessToken', outsider),
    platform: await tokenText('createPlatformToken', administrator),
  }
})
afterAll(() => http.close())

const userKey = async () => {
  const added = await http.serviceKeys.add(operator, {
    organizationId: owner.organizationId,
    owner: 'user',
    userId: owner.userId,
    serviceId: 'openai',
    secret: goodSecret(),
  })
  if (!added.ok) throw new Error(added.fault.message)
  return { id: added.value.serviceKey.id }
}
const platformKey = async () => {
  const body = { serviceId: 'openai', secret: goodSecret(), priority: 1 }
  const added = await callEndpoint(http.app, 'addSystemKey', administrator, { body })
  return { id: added.json<{ id: string }>().id }
}
const platformKeyPlace = async () => ({ organization: platformOrganizationId, ...(await platformKey()) })
/** A rotation that has come to a state. */
const rotationOf = async (whose: 'system' | 'user', state: string) => {
  const { id } = whose === 'system' ? await platformKey() : await userKey()
  const organizationId = whose === 'system' ? platformOrganizationId : owner.organizationId
  const how = { mode: 'normal', trigger: 'person', reason: null } as const
  const begun = must(await http.rotation.begin(operator, { organizationId, id }, how))
  await http.database.pool.query(
    `UPDATE rotation_attempts SET state = $2, resume_state = 'scheduled', next_at = NULL,
       promoted_at = CASE WHEN $2 = 'draining' THEN now() END WHERE id = $1`,
    [begun.id, state],
  )
  return { id: begun.id }
}
const rotationCredential = () => ({
  driverId: 'openrouter',
  serviceId: 'openrouter',
  fields: { managementKey: `sk-or-v1-${'0a'.repeat(32)}` },
})
const storedRotationCredential = async () => {
  const body = rotationCredential()
  const set = await callEndpoint(http.app, 'setRotationCredential', administrator, { body })
  return { id: set.json<{ id: string }>().id }
}
const organizationKey = async () => {
  const params = { organization: owner.organizationId }
  const body = { serviceId: 'openai', secret: goodSecret() }
  const added = await callEndpoint(http.app, 'addOrganizationKey', administrator, { params, body })
  return { ...params, id: added.json<{ id: string }>().id }
}
const token = async (kind: 'user' | 'platform') => {
  const name = kind === 'user' ? 'createAccessToken' : 'createPlatformToken'
  const created = await callEndpoint(http.app, name, kind === 'user' ? owner : administrator, {
    body: { name: 'x' },
  })
  return { id: created.json<{ accessToken: { id: string } }>().accessToken.id }
}
const colleague = async () => {
  const { userId } = await http.createPerson({ organizationId: owner.organizationId })
  return { id: userId }
}
const joiner = 'joiner@example.com'
/** Long enough to be sent again. */
const invitedLongAgo = async (by: Browser = owner, email = newEmail()) => {
  const { organizationId, userId } = by
  const open = (await http.organizations.listInvitations(organizationId)).find((one) => one.email === email)
  const actor = { kind: 'user', id: userId } as const
  if (open) must(await http.organizations.withdrawInvitation(actor, open))
  const sending = { baseUrl: 'https://keys.example', inviter: 'Ada' }
  const wanted = { organizationId, email, role: 'member' } as const
  const { invitation, path } = must(await http.organizations.invite(actor, wanted, sending))
  await http.database.pool.query(`UPDATE invitations SET sent_at = now() - interval '1 hour' WHERE id = $1`, [
    invitation.id,
  ])
  return { id: invitation.id, token: String(path?.split('#')[1]) }
}
const session = async () => {
  await http.signIn(owner)
  const [newest] = await http.identity.listSessions(owner.userId)
  return { id: newest?.id ?? '' }
}
const operation = async () => ({ id: await insertOperation(http.database, owner) })
const newPerson = async () => ({ id: (await http.createPerson()).userId })
const newEmail = () => `${randomUUID()}@example.com`

const limits = { requestsPerMinute: 60, tokensPerMinute: null, concurrent: 2 }
/** A service that nobody has asked for yet: nobody asks twice. */
let wishes = 0
const wish = () => {
  const service = services[wishes++ % services.length] as (typeof services)[number]
  return { kind: 'organization_key' as const, serviceId: service.id, reason: 'To try it' }
}
const accessRequest = async () => {
  const { organizationId, userId } = owner
  await http.database.pool.query(
    `UPDATE access_requests SET state = 'withdrawn', decided_at = now() WHERE state = 'open'`,
  )
  const made = await http.requests.create({ organizationId, userId, model: null, ...wish() })
  return { id: must(made).id }
}
const longOperation = async () => {
  const id = await insertOperation(http.database, owner)
  await http.database.pool.query(
    `INSERT INTO long_operations (organization_id, id, user_id, access_token_id, service_id, service_key_id, key_owner,
       external_id, public_id, kind, action, draft, units, submitted_at, deadline_at, next_ask_at)
     VALUES ($1, $2, $3, $2, 'midjourney', $2, 'user', $4, $4, 'midjourney', 'IMAGINE', '{}', '{}', now(), now() + '1 day', now() + '1 day')`,
    [owner.organizationId, id, owner.userId, id],
  )
  return { id }
}
const delivery = async () => {
  const { id } = await longOperation()
  await http.database.pool.query(
    `INSERT INTO webhook_deliveries (organization_id, id, user_id, operation_id, url, event, payload, state, next_attempt_at, created_at)
     VALUES ($1, $2, $3, $2, 'https://example.com/', 'operation.succeeded', '{}', 'failed', now(), now())`,
    [owner.organizationId, id, owner.userId],
  )
  return { id }
}

const notice = async () => {
  const noticeId = `evt_${randomUUID().replaceAll('-', '')}`
  await http.database.pool.query(
    `INSERT INTO provider_events (provider, id, type, object_id, occurred_at, received_at, source, state, next_attempt_at)
     VALUES ('stripe', $1, 'charge.refunded', 'ch_1', now(), now(), 'webhook', 'failed', now())`,
    [noticeId],
  )
  return { noticeId }
}

const once = () => ({ idempotencyKey: randomUUID(), returnUrl: 'https://keys.example/credits' })
const boughtBy = async (status: 'requested' | 'paid' = 'requested') => {
  const { payment } = must(await http.billing.buy(operator, owner, { kind: 'pack', packId: 'small' }, once()))
  return status === 'paid' ? must(await http.billing.approve(operator, payment.id, 'Paid')) : payment
}
const grantOf = async (credits: bigint) => {
  const accountId = (await http.ledger.accountOf(owner.organizationId, owner.userId)) ?? ''
  const { grantId } = await http.ledger.grant(null, {
    organizationId: owner.organizationId,
    accountId,
    kind: 'adjustment',
    amountMicros: credits * 1_000_000n,
    effectiveAt: new Date(),
    expiresAt: null,
    idempotencyKey: randomUUID(),
    reason: null,
    createdBy: 'test',
  })
  return grantId
}
const reversal = async (credits: bigint) => ({
  organizationId: owner.organizationId,
  kind: 'reverse_grant' as const,
  subjectId: await grantOf(credits),
  reason: 'A mistake',
  idempotencyKey: randomUUID(),
})
/** More than one administrator may reverse alone. */
const adjustmentToDecide = async () => ({
  id: must(await http.billing.adjust(operator, await reversal(20_000n))).id,
})
const inZone = { change: { kind: 'set_time_zone' as const, timeZone: 'Europe/Berlin' } }
const member = () => ({ organization: owner.organizationId, id: owner.userId })
const newTier = {
  name: 'Team',
  priceMinor: '4900',
  currency: 'USD',
  allocationMicros: '5000000000',
  reason: 'New',
}

const newBudget = { name: 'Monthly', limit: '1000000' }
const budget = async () => {
  const created = await callEndpoint(http.app, 'createBudget', owner, { body: newBudget })
  return { id: created.json<{ id: string }>().id }
}
const sharedKey = async () => ({ id: (await organizationKey()).id })
/** Whom an exception would let have own keys of a service that the policy gives to the organisation alone. */
const excepted = async () => {
  const policy = { controlPolicy: 'hybrid', criticalServices: ['replicate'] } as const
  must(await http.organizations.change(operator, owner.organizationId, policy))
  return { user: owner.userId, service: 'replicate' }
}
/** With the owner as its only member. */
const team = async () => {
  const created = await callEndpoint(http.app, 'createTeam', owner, { body: { name: randomUUID() } })
  const { id } = created.json<{ id: string }>()
  const params = { id, user: owner.userId }
  await callEndpoint(http.app, 'setTeamMember', owner, { params, body: {} })
  return { id }
}
const teamToken = async () => {
  const params = await team()
  const created = await callEndpoint(http.app, 'createTeamToken', owner, { params, body: { name: 'Batch' } })
  return { ...params, token: created.json<{ accessToken: { id: string } }>().accessToken.id }
}
const budgetOnEachMember = async () => {
  const body = { ...newBudget, eachMember: true }
  const created = await callEndpoint(http.app, 'createOrganizationBudget', owner, { body })
  return { id: created.json<{ id: string }>().id }
}
const archivedBudget = async () => {
  const params = await budget()
  await callEndpoint(http.app, 'archiveBudget', owner, { params })
  return params
}
const channels = {
  email: { enabled: false },
  webhook: { enabled: true, url: 'https://example.com/' },
}
/** With a delivery that failed. */
const alert = async () => {
  const [id, deliveryId] = [newId(), newId()]
  await http.database.pool.query(
    `WITH one AS (
       INSERT INTO alerts (organization_id, id, user_id, kind, severity, key, title, text, created_at)
       VALUES ($1, $2, $3, 'test', 'info', $4, 'A test', 'A test', now()))
     INSERT INTO alert_deliveries (organization_id, id, user_id, alert_id, channel, target, state, attempts, next_attempt_at, created_at, ended_at)
     VALUES ($1, $5, $3, $2, 'webhook', 'https://example.com/', 'failed', 8, now(), now(), now())`,
    [owner.organizationId, id, owner.userId, `test:${id}`, deliveryId],
  )
  return { id, deliveryId }
}

/** Nothing answers there: a test says so, at once. No more of them than there may be. */
const webhookEndpoint = async () => {
  const { organizationId } = owner
  const [first] = await http.webhookEndpoints.endpoints(organizationId)
  if (first?.state === 'enabled') return { id: first.id }
  if (first) must(await http.webhookEndpoints.remove(operator, organizationId, first.id))
  const wanted = { url: 'https://127.0.0.1:1/', description: '', types: null }
  await http.catalogue.addAllowance(operator, '127.0.0.1:1')
  return { id: must(await http.webhookEndpoints.create(operator, organizationId, wanted)).endpoint.id }
}
const event = () =>
  http.database.kysely
    .transaction()
    .execute((transaction) =>
      emit(transaction, { organizationId: owner.organizationId, type: 'key.added', data: {} }),
    )

const anomaly = async () => {
  const id = newId()
  await http.database.pool.query(
    `INSERT INTO anomalies (organization_id, id, kind, key, country, at) VALUES ($1, $2, 'new_country', $3, 'NL', now())`,
    [owner.organizationId, id, `test:${id}`],
  )
  return { id }
}

const newGroup = () => ({ label: 'G', description: '', task: 'chat' as const, models: ['gpt-4o'] })

const issuer = { name: 'Keys Ltd', address: ['1 Street'], taxId: null, email: null, note: null }
const tolerance = { basisPoints: 100, tokens: 0, operations: 0, nanoUsd: '0', dayShift: true }
let exportsMade = 0
const serviceExport = () => ({
  serviceId: 'openai',
  format: 'csv',
  fileName: 'usage.csv',
  content: `day,model,requests\n2026-11-01,gpt-4o,${++exportsMade}\n`,
  mapping: { day: 'day', model: 'model', requests: 'requests' },
})
const importedExport = async () => {
  const imported = await callEndpoint(http.app, 'importServiceExport', administrator, {
    body: serviceExport(),
  })
  return { id: imported.json<{ id: string }>().id }
}
const finding = async () => {
  const [runId, id] = [newId(), newId()]
  await http.database.pool.query(
    `WITH run AS (
       INSERT INTO reconciliation_runs (id, trigger, state, requested_by, requested_at, started_at, finished_at)
       VALUES ($1, 'request', 'done', 'test', now(), now(), now()))
     INSERT INTO reconciliation_findings (run_id, id, check_id, subject_kind, subject_id, message, unit, difference, first_seen_at)
     VALUES ($1, $2, 'totals', 'total', $2::uuid::text, 'A test', 'micros', 1, now())`,
    [runId, id],
  )
  return { runId, id }
}

const imagine = { serviceId: 'midjourney', model: '*', unit: 'task:imagine' }
/** Operations that were free of charge, and are charged for by a re-rating. */
const reratingTerms = async () => {
  const id = await insertOperation(http.database, owner, {
    key_owner: 'system',
    cost_nano_usd: 0n,
    model: 'gpt-4.1',
  })
  // An id begins with its instant, and no two of these have the same.
  const at = Number.parseInt(id.replace('-', '').slice(0, 12), 16)
  const [from, until] = [new Date(at), new Date(at + 1)]
  const scope = { from, until, serviceId: null, model: 'gpt-4.1', priceBookVersion: null, userId: null }
  return { scope, toVersion: http.prices.current().version, chargesMore: true } as const
}
const newRerating = async () => {
  const terms = await reratingTerms()
  const { digest } = must(await http.reratings.preview(terms as never))
  return {
    ...terms,
    digest,
    reason: 'Wrong price',
    chargeReason: 'It was not free',
    idempotencyKey: randomUUID(),
  }
}
const reratingToDecide = async () => {
  const request = await newRerating()
  const settings = await http.billing.settings()
  must(await http.billing.saveSettings(operator, { ...settings, secondApproverAboveMicros: 0n }, 'test'))
  const rerating = must(await http.reratings.request({ kind: 'user', id: newId() }, request as never))
  must(await http.billing.saveSettings(operator, settings, 'test'))
  return { id: rerating.id }
}
const priceEdit = { kind: 'set_price', ...imagine, nanoUsd: '40000000', per: '1' }
let priced = 0n
const priceDraft = () => ({
  edits: [{ kind: 'set_price', ...imagine, nanoUsd: ++priced, per: 1n }] as const,
  reason: 'Contract',
  effectiveAt: null,
})
const priceChange = async () => must(await http.prices.changes.create(operator, priceDraft(), false))
const secretCheck = () => ({ serviceId: 'openai', secret: goodSecret() })
const importText = () => `OPENAI_API_KEY=${goodSecret()}\n`
const importBody = () => {
  const text = importText()
  return { text, lines: [{ line: 1, lastFour: text.trim().slice(-4), serviceId: 'openai' }] }
}
const none = (): AnyRequest => ({})

const policyDocument = {
  controlPolicy: 'user_control' as const,
  criticalServices: [],
  systemKeysAllowed: true,
  lockedFallback: null,
  allowed: null,
}
/** Another one than is in force, and nothing that the other requests would feel. */
const newPolicy = async (organizationId: string) => {
  const { current } = must(await http.organizations.policy(organizationId))
  const criticalServices = [current.document.criticalServices.includes('fal') ? 'luma' : 'fal']
  return {
    document: { ...policyDocument, criticalServices },
    reason: 'Test',
    basedOn: current.version,
    startsAt: null,
  }
}
const savedPolicy = async (organizationId: string, startsAt: Date | null) => {
  const wanted = await newPolicy(organizationId)
  return must(await http.organizations.savePolicy(operator, organizationId, { ...wanted, startsAt }))
}
const restoredPolicy = async (organizationId: string) => {
  const { version } = await savedPolicy(organizationId, null)
  const { version: basedOn } = await savedPolicy(organizationId, null)
  return { params: { version: String(version) }, body: { reason: 'Back', basedOn } }
}
const scheduledPolicy = async (organizationId: string) => {
  const { version } = await savedPolicy(organizationId, new Date(Date.now() + 3_600_000))
  return { version: String(version) }
}

const provisioningToken = async () => {
  const created = await callEndpoint(http.app, 'createProvisioningToken', owner, {
    body: { name: 'Directory' },
  })
  return { id: created.json<{ accessToken: { id: string } }>().accessToken.id }
}
const provisionedGroup = async () => {
  const caller = { organizationId: owner.organizationId, actor: operator, by: 'owner', base: '' } as const
  const made = await http.provisioning.groups.create(caller, { displayName: randomUUID() })
  if (!made.ok) throw new Error(made.problem.detail)
  return { id: made.value['id'] as string }
}
const machine = async () => {
  const created = await callEndpoint(http.app, 'createServiceAccount', owner, { body: { name: 'Machine' } })
  return { id: created.json<{ id: string }>().id }
}
const machineCredential = async () => {
  const params = await machine()
  const body = { kind: 'token', name: 'Nightly' } as const
  const created = await callEndpoint(http.app, 'createMachineCredential', owner, { params, body })
  return { ...params, credential: created.json<{ credential: { id: string } }>().credential.id }
}
const hostKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const hostApplication = () => ({
  name: 'Portal',
  issuer: 'https://portal.example',
  jwks: { keys: [{ ...hostKey }] },
})
const storedApplication = async () => {
  const body = hostApplication()
  const created = await callEndpoint(http.app, 'createHostApplication', owner, { body })
  return { id: created.json<{ id: string }>().id }
}

/** Somebody whose own account is to be deleted: the owner's is not, while they own the company alone. */
let leaver: Browser

/** One that nobody can sign in with; the session that removes it goes on under another token. */
let passkeyOwner: Browser
const passkey = async () => {
  // Whoever has one is asked for it at each sign-in, and ends their other sessions by removing it.
  passkeyOwner = await http.createBrowser()
  const id = newId()
  await http.database.pool.query(
    `INSERT INTO passkeys (id, user_id, credential_id, public_key, counter, transports, rp_id, name, is_backed_up, created_at)
     VALUES ($1, $2, $3, '', 0, '{}', 'keys.example', 'Phone', false, now())`,
    [id, passkeyOwner.userId, id],
  )
  return { id }
}
const noSessionPolicy = {
  idleMinutes: null,
  sessionHours: null,
  secondFactorRequired: false,
  trustsSingleSignOn: true,
  networks: [],
}
/** Well-formed, and of nobody. */
const passkeyReply = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  clientExtensionResults: {},
  response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' },
}
const newPasskeyReply = { ...passkeyReply, response: { clientDataJSON: 'e30', attestationObject: 'AAAA' } }

/** A request that succeeds for whoever may make it. */
const requests: Record<EndpointName, () => AnyRequest | Promise<AnyRequest>> = {
  readMeta: none,
  signIn: () => ({ body: { email: 'nobody@example.com', password: 'wrong' } }),
  signInWithLink: () => ({ body: { token: 'x'.repeat(43) } }),
  setUp: () => ({
    body: { token: 'x'.repeat(43), email: newEmail(), name: 'N', password: 'long enough for it' },
  }),
  findSsoWays: () => ({ body: { email: newEmail() } }),
  startSso: async () => ({ body: { connectionId: await ssoConnection() } }),
  finishSso: async () => ({
    body: { connectionId: await ssoConnection(), answer: { kind: 'saml', ticket: 'x'.repeat(43) } },
  }),
  previewSsoTicket: async () => ({ body: { connectionId: await ssoConnection(), ticket: 'x'.repeat(43) } }),
  linkSso: async () => ({ body: { connectionId: await ssoConnection() } }),
  readOwnSso: none,
  proveSso: none,
  readSso: none,
  addSsoDomain: () => ({ body: { domain: newDomain() } }),
  verifySsoDomain: async () => ({ params: { domain: await ssoDomain() } }),
  changeSsoDomain: async () => ({ params: { domain: await ssoDomain() }, body: { enforced: false } }),
  removeSsoDomain: async () => ({ params: { domain: await ssoDomain() } }),
  addSsoConnection: () => ({ body: ssoInput }),
  changeSsoConnection: async () => ({ params: { id: await ssoConnection() }, body: ssoInput }),
  removeSsoConnection: async () => ({ params: { id: await ssoConnection() } }),
  renewSsoCertificate: async () => ({ params: { id: await ssoConnection({ signsRequests: true }) } }),
  checkSsoMetadata: () => ({ body: { xml: ssoMetadata } }),
  readPendingSignIn: none,
  finishSignIn: () => ({ body: { proof: { kind: 'totp', code: '123456' } } }),
  createPasskeyChallenge: none,
  signInWithPasskey: () => ({ body: { response: passkeyReply } }),
  createProofChallenge: none,
  readFactors: none,
  beginTotp: none,
  confirmTotp: async () => {
    await callEndpoint(http.app, 'beginTotp', owner, {})
    return { body: { code: '123456' } }
  },
  removeTotp: none,
  beginPasskey: none,
  addPasskey: () => ({ body: { name: 'Phone', response: newPasskeyReply } }),
  renamePasskey: async () => ({ params: await passkey(), body: { name: 'Phone' } }),
  removePasskey: async () => ({ params: await passkey() }),
  renewRecoveryCodes: none,
  readSessionPolicy: none,
  saveSessionPolicy: () => ({ body: noSessionPolicy }),
  setBreakGlass: async () => ({ params: { id: owner.userId }, body: { enabled: false } }),
  readPlatformSessionPolicy: none,
  savePlatformSessionPolicy: () => ({ body: noSessionPolicy }),
  resetUserFactors: async () => ({ params: await newPerson(), body: { reason: 'Lost phone' } }),
  resetMemberFactors: async () => ({ params: await colleague(), body: { reason: 'Lost phone' } }),
  scheduleUserDeletion: async () => {
    const email = newEmail()
    leaver = await http.createBrowser({ email })
    return { body: { email } }
  },
  cancelUserDeletion: async () => {
    leaver = await http.createBrowser()
    must(await http.userDeletions.schedule(operator, leaver.userId, {}))
    return {}
  },
  scheduleDeletionOfUser: async () => ({ params: await newPerson(), body: { reason: 'Asked for' } }),
  cancelDeletionOfUser: async () => {
    const params = await newPerson()
    must(await http.userDeletions.schedule(operator, params.id, {}))
    return { params }
  },
  signOut: none,
  // A link of somebody else's, wherever it is not the owner who sends it.
  stepUp: async () => {
    const link = must(await http.identity.createSignInLink(operator, owner.userId))
    return { body: { proof: { kind: 'sign_in_link', token: link.token } } }
  },
  readMe: none,
  listDeciders: none,
  listOwnRequests: none,
  createRequest: () => ({ body: { ...wish(), model: null } }),
  withdrawRequest: async () => ({ params: await accessRequest() }),
  listRequests: none,
  checkRequestedKey: async () => ({ params: await accessRequest(), body: { secret: goodSecret() } }),
  approveRequest: async () => ({ params: await accessRequest(), body: { by: 'other' } }),
  declineRequest: async () => ({ params: await accessRequest(), body: { answer: 'Not this year' } }),
  readProvisioning: none,
  listProvisionedUsers: none,
  createProvisioningToken: () => ({ body: { name: 'Directory' } }),
  revokeProvisioningToken: async () => ({ params: await provisioningToken() }),
  setGroupRole: async () => ({ params: await provisionedGroup(), body: { role: 'auditor' } }),
  createEmbedLink: () => ({ body: { token: 'eyJ' } }),
  openEmbedded: () => ({ body: { token: 'x'.repeat(43) } }),
  listServiceAccounts: none,
  createServiceAccount: () => ({ body: { name: 'Machine' } }),
  changeServiceAccount: async () => ({ params: await machine(), body: { description: 'Nightly' } }),
  removeServiceAccount: async () => ({ params: await machine() }),
  listMachineCredentials: async () => ({ params: await machine() }),
  createMachineCredential: async () => ({
    params: await machine(),
    body: { kind: 'client', name: 'Nightly' },
  }),
  revokeMachineCredential: async () => ({ params: await machineCredential() }),
  listHostApplications: none,
  createHostApplication: () => ({ body: hostApplication() }),
  changeHostApplication: async () => ({ params: await storedApplication(), body: { name: 'Portal 2' } }),
  removeHostApplication: async () => ({ params: await storedApplication() }),
  checkHostApplication: async () => ({ params: await storedApplication(), body: {} }),
  listWorkplaces: none,
  switchOrganization: () => ({ body: { organizationId: owner.organizationId } }),
  createCompany: () => ({ body: { name: 'By myself' } }),
  leaveOrganization: none,
  readOwnOrganization: none,
  renameOrganization: () => ({ body: { name: 'Company' } }),
  transferOrganization: async () => ({ body: { userId: (await colleague()).id } }),
  scheduleDeletion: async () => {
    await http.organizations.cancelDeletion(operator, owner.organizationId)
    return { body: { name: must(await http.organizations.read(owner.organizationId)).name } }
  },
  cancelDeletion: async () => {
    const { name } = must(await http.organizations.read(owner.organizationId))
    await http.organizations.scheduleDeletion(operator, owner.organizationId, name)
    return {}
  },
  listMembers: none,
  changeMemberRole: async () => ({ params: await colleague(), body: { role: 'auditor' } }),
  suspendMember: async () => ({ params: await colleague(), body: {} }),
  restoreMember: async () => ({ params: await colleague(), body: {} }),
  removeMember: async () => ({ params: await colleague() }),
  listInvitations: none,
  inviteMember: () => ({ body: { email: newEmail() } }),
  resendInvitation: async () => ({ params: { id: (await invitedLongAgo()).id } }),
  withdrawInvitation: async () => ({ params: { id: (await invitedLongAgo()).id } }),
  readInvitation: async () => ({ body: { token: (await invitedLongAgo()).token } }),
  acceptInvitation: async () => ({
    body: { token: (await invitedLongAgo()).token, name: 'New', password: 'long enough for it' },
  }),
  joinByInvitation: async () => ({ body: { token: (await invitedLongAgo(outsider, joiner)).token } }),
  readPolicy: none,
  listPolicyVersions: none,
  previewPolicy: () => ({ body: policyDocument }),
  savePolicy: async () => ({ body: await newPolicy(owner.organizationId) }),
  restorePolicy: () => restoredPolicy(owner.organizationId),
  cancelPolicy: async () => ({ params: await scheduledPolicy(owner.organizationId) }),
  grantOwnKeyException: async () => ({ params: await excepted(), body: { reason: 'A trial' } }),
  revokeOwnKeyException: async () => {
    const params = await excepted()
    await callEndpoint(http.app, 'grantOwnKeyException', owner, { params, body: { reason: 'A trial' } })
    return { params }
  },
  readOrganizationPolicy: () => ({ params: { organization: owner.organizationId } }),
  listOrganizationPolicyVersions: () => ({ params: { organization: owner.organizationId } }),
  previewOrganizationPolicy: () => ({ params: { organization: owner.organizationId }, body: policyDocument }),
  saveOrganizationPolicy: async () => ({
    params: { organization: owner.organizationId },
    body: await newPolicy(owner.organizationId),
  }),
  restoreOrganizationPolicy: async () => {
    const { params, body } = await restoredPolicy(owner.organizationId)
    return { params: { organization: owner.organizationId, ...params }, body }
  },
  cancelOrganizationPolicy: async () => ({
    params: { organization: owner.organizationId, ...(await scheduledPolicy(owner.organizationId)) },
  }),
  changePassword: () => ({ body: { newPassword: 'long enough for it' } }),
  listSessions: none,
  revokeOtherSessions: none,
  revokeSession: async () => ({ params: await session() }),
  listServices: none,
  listServiceKeys: none,
  checkNewServiceKey: () => ({ body: secretCheck() }),
  addServiceKey: () => ({ body: secretCheck() }),
  recheckServiceKey: async () => ({ params: await userKey() }),
  replaceServiceKey: async () => ({ params: await userKey(), body: { secret: goodSecret() } }),
  changeServiceKey: async () => ({ params: await userKey(), body: { label: 'Renamed' } }),
  revokeServiceKey: async () => ({ params: await userKey() }),
  listSystemKeys: none,
  checkNewSystemKey: () => ({ body: secretCheck() }),
  addSystemKey: () => ({ body: { ...secretCheck(), priority: 2 } }),
  async reorderSystemKeys() {
    await platformKey()
    const keys = (await http.serviceKeys.listSystemKeys()).filter((key) => key.serviceId === 'openai')
    return { body: { serviceId: 'openai', order: keys.map(({ id }) => ({ id, priority: 3 })) } }
  },
  recheckSystemKey: async () => ({ params: await platformKey() }),
  replaceSystemKey: async () => ({ params: await platformKey(), body: { secret: goodSecret() } }),
  changeSystemKey: async () => ({ params: await platformKey(), body: { label: 'Renamed', priority: 2 } }),
  revokeSystemKey: async () => ({ params: await platformKey() }),
  listServiceKeyChecks: async () => ({ params: await userKey() }),
  listSystemKeyChecks: async () => ({ params: await platformKey() }),
  readKeyHygiene: none,
  readAllKeyHygiene: none,
  readKeyHygieneSettings: none,
  changeKeyHygieneSettings: () => ({ body: { checkEveryHours: 24, unusedDays: 90, oldDays: 180 } }),
  previewKeyImport: () => ({ body: { text: importText() } }),
  importServiceKeys: () => ({ body: importBody() }),
  previewSystemKeyImport: () => ({ body: { text: importText() } }),
  importSystemKeys: () => ({ body: { ...importBody(), priority: 2 } }),
  previewOrganizationKeyImport: () => ({
    params: { organization: owner.organizationId },
    body: { text: importText() },
  }),
  importOrganizationKeys: () => ({ params: { organization: owner.organizationId }, body: importBody() }),
  listKeyRotations: none,
  listRotations: none,
  readRotation: async () => ({ params: await rotationOf('system', 'asked') }),
  listRotationDrivers: none,
  listSystemKeyVersions: async () => ({ params: await platformKeyPlace() }),
  startRotation: async () => ({ params: await platformKeyPlace(), body: { mode: 'normal' } }),
  drillRotation: async () => ({ params: await platformKeyPlace() }),
  scheduleKeyRotation: async () => ({
    params: await platformKeyPlace(),
    body: { everyDays: 90, overlapSeconds: null },
  }),
  listServiceSchedules: none,
  scheduleServiceRotation: () => ({
    params: { service: 'openai' },
    body: { everyDays: 90, overlapSeconds: 3600 },
  }),
  setMaximumKeyAge: () => ({
    params: { organization: owner.organizationId },
    body: { maximumAgeDays: 180 },
  }),
  rollBackRotation: async () => ({
    params: await rotationOf('system', 'draining'),
    body: { reason: 'It fails' },
  }),
  retryRotation: async () => ({ params: await rotationOf('system', 'needs_human'), body: {} }),
  abandonRotation: async () => ({ params: await rotationOf('system', 'asked'), body: { reason: 'Not now' } }),
  confirmRotation: async () => ({ params: await rotationOf('system', 'confirming'), body: {} }),
  giveNewSecret: async () => ({
    params: await rotationOf('system', 'asked'),
    body: { secret: goodSecret() },
  }),
  listRotationCredentials: none,
  setRotationCredential: () => ({ body: rotationCredential() }),
  checkRotationCredential: async () => ({ params: await storedRotationCredential() }),
  removeRotationCredential: async () => ({ params: await storedRotationCredential() }),
  listOwnKeyRotations: none,
  listOwnRotations: none,
  readOwnRotation: async () => ({ params: await rotationOf('user', 'asked') }),
  listOwnKeyVersions: async () => ({ params: await userKey() }),
  startOwnRotation: async () => ({ params: await userKey(), body: { mode: 'normal' } }),
  scheduleOwnRotation: async () => ({
    params: await userKey(),
    body: { everyDays: 90, overlapSeconds: null },
  }),
  giveOwnNewSecret: async () => ({
    params: await rotationOf('user', 'asked'),
    body: { secret: goodSecret() },
  }),
  rollBackOwnRotation: async () => ({
    params: await rotationOf('user', 'draining'),
    body: { reason: 'It fails' },
  }),
  retryOwnRotation: async () => ({ params: await rotationOf('user', 'needs_human'), body: {} }),
  abandonOwnRotation: async () => ({
    params: await rotationOf('user', 'asked'),
    body: { reason: 'Not now' },
  }),
  confirmOwnRotation: async () => ({ params: await rotationOf('user', 'confirming'), body: {} }),
  listOrganizationKeys: () => ({ params: { organization: owner.organizationId } }),
  addOrganizationKey: () => ({ params: { organization: owner.organizationId }, body: secretCheck() }),
  revokeOrganizationKey: async () => ({ params: await organizationKey() }),
  readPreferences: none,
  changePreferences: () => ({
    body: { default: 'system', services: [{ serviceId: 'openai', fallback: 'none' }] },
  }),
  readCredits: none,
  readBalance: none,
  listStatement: none,
  listOperations: none,
  tailOperations: none,
  readOperation: async () => ({ params: await operation() }),
  readUsage: none,
  readUsageReport: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  readAllUsage: () => ({ query: { by: 'user', from: '2026-11-01', to: '2026-11-30' } }),
  listAccessTokens: none,
  createAccessToken: () => ({ body: { name: 'Laptop' } }),
  revokeAccessToken: async () => ({ params: await token('user') }),
  readOverview: none,
  listTiers: none,
  listUsers: none,
  createUser: () => ({ body: { email: newEmail(), name: 'New' } }),
  changeUser: async () => ({ params: await newPerson(), body: { tierId: 'pro', suspended: true } }),
  grantCredits: async () => ({
    params: await newPerson(),
    body: { credits: '1.5', reason: 'Goodwill', idempotencyKey: randomUUID() },
  }),
  endUserSessions: async () => ({ params: await newPerson() }),
  createSignInLink: async () => ({ params: await newPerson() }),
  listAllOperations: none,
  readAnyOperation: async () => ({ params: { organization: owner.organizationId, ...(await operation()) } }),
  listOrganizations: none,
  createOrganization: () => ({ body: { name: 'Another' } }),
  readOrganization: () => ({ params: { id: owner.organizationId } }),
  changeOrganization: () => ({ params: { id: owner.organizationId }, body: { name: 'Renamed' } }),
  listAdminServices: none,
  changeService: () => ({ params: { id: 'midjourney' }, body: { enabled: true } }),
  listOutboundAllowances: none,
  addOutboundAllowance: () => ({ body: { address: '10.1.2.3:8443' } }),
  async removeOutboundAllowance() {
    await http.catalogue.addAllowance(operator, '10.9.9.9:1')
    return { query: { address: '10.9.9.9:1' } }
  },
  explainRoute: () => ({ body: { model: 'gpt-4o' } }),
  explainRouteOfUser: async () => ({ params: await newPerson(), body: { model: 'group/smart' } }),
  listGroups: none,
  listModels: none,
  browseModels: none,
  listAdminGroups: none,
  createGroup: () => ({ body: { ...newGroup(), id: `g${randomUUID().slice(0, 8)}` } }),
  changeGroup: () => ({ params: { id: 'fast' }, body: { label: 'Quick' } }),
  removeGroup: async () => {
    const id = `g${randomUUID().slice(0, 8)}`
    await http.catalogue.groups.create(operator, { ...newGroup(), id })
    return { params: { id } }
  },
  resetGroup: () => ({ params: { id: 'fast' } }),
  listPlatformTokens: none,
  createPlatformToken: () => ({ body: { name: 'App' } }),
  revokePlatformToken: async () => ({ params: await token('platform') }),
  listPrices: none,
  listPriceCoverage: none,
  listModelPrices: () => ({ params: { id: 'openai' } }),
  readPriceBook: none,
  listPriceBookVersions: none,
  readPriceBookVersion: () => ({ params: { version: '1' } }),
  async withdrawPriceBookVersion() {
    const effectiveAt = new Date(Date.now() + 86_400_000)
    const view = must(await http.prices.changes.create(operator, { ...priceDraft(), effectiveAt }, true))
    return { params: { version: String(view.change.version) }, body: { reason: 'Not now' } }
  },
  listPriceChanges: none,
  previewPriceChange: () => ({ body: { edits: [priceEdit] } }),
  createPriceChange: () => ({ body: { edits: [priceEdit], reason: 'Contract' } }),
  readPriceChange: async () => ({ params: { id: (await priceChange()).change.id } }),
  async editPriceChange() {
    const { change } = await priceChange()
    return { params: { id: change.id }, body: { edits: [priceEdit], reason: 'Contract', revision: 1 } }
  },
  async approvePriceChange() {
    const { change, preview } = await priceChange()
    return { params: { id: change.id }, body: { revision: 1, baseVersion: preview?.baseVersion ?? 0 } }
  },
  discardPriceChange: async () => ({
    params: { id: (await priceChange()).change.id },
    body: { reason: 'No' },
  }),
  previewRerating: async () => ({ body: await reratingTerms() }),
  requestRerating: async () => ({ body: await newRerating() }),
  listReratings: none,
  readRerating: async () => ({ params: await reratingToDecide() }),
  listReratedOperations: async () => ({ params: await reratingToDecide() }),
  approveRerating: async () => ({ params: await reratingToDecide() }),
  denyRerating: async () => ({ params: await reratingToDecide(), body: { reason: 'No' } }),
  savePriceApproval: () => ({
    body: { secondApprover: 'above_limit', limitBasisPoints: 5_000, reason: 'As it was' },
  }),
  readHealthMatrix: none,
  async resetBreaker() {
    await http.database.pool.query(
      `INSERT INTO breakers (organization_id, subject_kind, subject, state, since, probe_after, openings)
       VALUES ($1, 'service', 'groq', 'open', now(), now() + '1 hour', 1)
       ON CONFLICT (organization_id, subject) DO UPDATE SET state = 'open', probe_after = excluded.probe_after`,
      [platformOrganizationId],
    )
    return { body: { serviceId: 'groq' } }
  },
  readServiceHealth: none,
  listAccessTokenLimits: none,
  setAccessTokenLimits: async () => ({ params: await token('user'), body: limits }),
  setPlatformTokenLimits: async () => ({ params: await token('platform'), body: limits }),
  listUserLimits: none,
  listPlatformTokenLimits: none,
  readUserLimits: () => ({ params: { organization: owner.organizationId, id: owner.userId } }),
  setUserLimits: () => ({ params: { organization: owner.organizationId, id: owner.userId }, body: limits }),
  listSystemKeyLimits: none,
  setSystemKeyLimits: async () => ({ params: await platformKey(), body: limits }),
  listLongOperations: none,
  readLongOperation: async () => ({ params: await longOperation() }),
  cancelLongOperation: async () => ({ params: await longOperation() }),
  listAllLongOperations: none,
  readWebhookSecret: none,
  createWebhookSecret: none,
  listWebhookDeliveries: none,
  redeliverWebhook: async () => ({ params: await delivery() }),
  listWebhookEndpoints: none,
  createWebhookEndpoint: () => ({ body: { url: 'https://example.com/events' } }),
  readWebhookEndpoint: async () => ({ params: await webhookEndpoint() }),
  changeWebhookEndpoint: async () => ({ params: await webhookEndpoint(), body: { enabled: false } }),
  removeWebhookEndpoint: async () => ({ params: await webhookEndpoint() }),
  renewWebhookEndpointSecret: async () => ({ params: await webhookEndpoint() }),
  testWebhookEndpoint: async () => ({ params: await webhookEndpoint() }),
  listEventDeliveries: async () => ({ params: await webhookEndpoint() }),
  redeliverEvent: async () => ({ params: { ...(await webhookEndpoint()), event: await event() } }),
  replayEvents: async () => ({
    params: await webhookEndpoint(),
    body: { since: new Date(0).toISOString() },
  }),
  listEvents: none,
  readEvent: async () => ({ params: { id: await event() } }),
  listEventTypes: none,
  readCaller: none,
  listPaymentNotices: () => ({}),
  redeliverPaymentNotice: async () => ({ params: await notice() }),
  readSubscription: none,
  listTierChoices: none,
  previewSubscriptionChange: () => ({ body: inZone }),
  changeSubscription: () => ({ body: { ...inZone, idempotencyKey: randomUUID() } }),
  readIdleSubscription: none,
  cancelIdleSubscription: () => ({ body: { when: 'period_end', idempotencyKey: randomUUID() } }),
  listPacks: none,
  buyCredits: () => ({
    body: { purchase: { kind: 'custom', amountMinor: '700' }, idempotencyKey: randomUUID() },
  }),
  listPayments: none,
  readPayment: async () => ({ params: { id: (await boughtBy('paid')).id } }),
  takeBackPayment: async () => ({ params: { id: (await boughtBy('requested')).id } }),
  continuePayment: async () => ({ params: { id: (await boughtBy('paid')).id }, body: {} }),
  openPaymentPortal: () => ({ body: {} }),
  readAutoTopUp: none,
  setAutoTopUp: () => ({ body: { autoTopUp: null } }),
  listInvoices: none,
  readInvoice: async () => ({ params: { id: (await boughtBy('paid')).invoiceId ?? '' } }),
  listAdminTiers: none,
  listTierVersions: () => ({ params: { tier: 'pro' } }),
  previewTier: () => ({ params: { tier: 'team' }, body: newTier }),
  saveTier: () => ({ params: { tier: 'team' }, body: newTier }),
  archiveTier: async () => ({ params: { tier: 'enterprise' }, body: { reason: 'No longer sold' } }),
  listSubscriptions: none,
  readUserSubscription: () => ({ params: member() }),
  previewUserSubscriptionChange: () => ({ params: member(), body: inZone }),
  changeUserSubscription: () => ({
    params: member(),
    body: { ...inZone, idempotencyKey: randomUUID() },
  }),
  setCollection: () => ({ params: member(), body: { collection: 'none', reason: 'A gift' } }),
  listAllPacks: none,
  savePack: () => ({
    params: { pack: 'tiny' },
    body: { name: 'Tiny', creditMicros: '1000000', priceMinor: '100', currency: 'USD' },
  }),
  archivePack: async () => {
    const id = `p${randomUUID().slice(0, 8)}`
    const pack = { id, name: id, creditMicros: 1n, priceMinor: 1n, currency: 'USD', position: 9 }
    must(await http.billing.savePack(operator, pack))
    return { params: { pack: id } }
  },
  listAllPayments: none,
  approvePayment: async () => ({ params: { id: (await boughtBy()).id }, body: { reason: 'Paid' } }),
  denyPayment: async () => ({ params: { id: (await boughtBy()).id }, body: { reason: 'No money' } }),
  readAnyPayment: async () => ({ params: { id: (await boughtBy()).id } }),
  previewRefund: async () => ({
    params: { id: (await boughtBy('paid')).id },
    body: { amountMinor: '100' },
  }),
  refundPayment: async () => ({
    params: { id: (await boughtBy('paid')).id },
    body: { amountMinor: '100', reason: 'Asked for', idempotencyKey: randomUUID() },
  }),
  listAllInvoices: none,
  readAnyInvoice: async () => ({ params: { id: (await boughtBy('paid')).invoiceId ?? '' } }),
  readAccount: () => ({ params: member() }),
  listAdjustments: none,
  adjust: async () => ({ body: await reversal(3n) }),
  approveAdjustment: async () => ({ params: await adjustmentToDecide() }),
  denyAdjustment: async () => ({ params: await adjustmentToDecide(), body: { reason: 'Not so' } }),
  readBillingSettings: none,
  saveBillingSettings: async () => {
    const { discount, ...settings } = await http.billing.settings()
    const plain = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [
        name,
        typeof value === 'bigint' ? String(value) : value,
      ]),
    )
    return { body: { settings: { ...plain, discount }, reason: 'The same' } }
  },
  listAudit: none,
  exportAudit: none,
  verifyAudit: none,
  listAllAudit: none,
  exportAllAudit: () => ({ query: { organization: owner.organizationId } }),
  verifyAllAudit: none,
  listAuditStreams: none,
  readVault: none,
  rotateMasterKey: () => ({ body: {} }),
  rewrapVault: () => ({ body: {} }),
  destroyMasterKey: async () => ({ params: await masterKeyToDestroy(), body: {} }),
  listBudgets: none,
  readBudget: async () => ({ params: await budget() }),
  createBudget: () => ({ body: newBudget }),
  changeBudget: async () => ({ params: await budget(), body: { limit: '2000000' } }),
  archiveBudget: async () => ({ params: await budget() }),
  restoreBudget: async () => ({ params: await archivedBudget() }),
  readCreditForecast: none,
  listOwnOrganizationKeys: none,
  listMemberKeys: none,
  checkNewOwnOrganizationKey: () => ({ body: secretCheck() }),
  addOwnOrganizationKey: () => ({ body: secretCheck() }),
  previewOwnOrganizationKeyImport: () => ({ body: { text: importText() } }),
  importOwnOrganizationKeys: () => ({ body: importBody() }),
  recheckOwnOrganizationKey: async () => ({ params: await sharedKey() }),
  replaceOwnOrganizationKey: async () => ({ params: await sharedKey(), body: { secret: goodSecret() } }),
  changeOwnOrganizationKey: async () => ({ params: await sharedKey(), body: { label: 'Renamed' } }),
  revokeOwnOrganizationKey: async () => ({ params: await sharedKey() }),
  setOwnOrganizationKeyLimits: async () => ({
    params: await sharedKey(),
    body: { key: limits, eachMember: limits },
  }),
  setOwnOrganizationKeyTeams: async () => ({
    params: await sharedKey(),
    body: { teamIds: [(await team()).id] },
  }),
  readOrganizationKeyUse: async () => ({ params: await sharedKey() }),
  listTeams: none,
  createTeam: () => ({ body: { name: randomUUID() } }),
  readTeam: async () => ({ params: await team() }),
  changeTeam: async () => ({ params: await team(), body: { description: 'Searches' } }),
  archiveTeam: async () => ({ params: await team() }),
  restoreTeam: async () => {
    const params = await team()
    await callEndpoint(http.app, 'archiveTeam', owner, { params })
    return { params }
  },
  listTeamCandidates: async () => ({ params: await team() }),
  setTeamMember: async () => ({ params: { ...(await team()), user: owner.userId }, body: { role: 'lead' } }),
  removeTeamMember: async () => ({ params: { ...(await team()), user: owner.userId } }),
  listTeamTokens: async () => ({ params: await team() }),
  createTeamToken: async () => ({ params: await team(), body: { name: 'Batch' } }),
  revokeTeamToken: async () => ({ params: await teamToken() }),
  listOrganizationBudgets: none,
  listMemberBudgets: async () => ({ params: await budgetOnEachMember() }),
  createOrganizationBudget: () => ({ body: newBudget }),
  listAllBudgets: none,
  readAnyBudget: async () => ({ params: { organization: owner.organizationId, ...(await budget()) } }),
  createAnyBudget: () => ({ params: { organization: owner.organizationId }, body: newBudget }),
  changeAnyBudget: async () => ({
    params: { organization: owner.organizationId, ...(await budget()) },
    body: { enforcement: 'hard' },
  }),
  archiveAnyBudget: async () => ({ params: { organization: owner.organizationId, ...(await budget()) } }),
  restoreAnyBudget: async () => ({
    params: { organization: owner.organizationId, ...(await archivedBudget()) },
  }),
  listAlerts: none,
  markAlertRead: async () => ({ params: { id: (await alert()).id } }),
  markAllAlertsRead: none,
  readAlertChannels: none,
  setAlertChannels: () => ({ body: channels }),
  testAlertChannel: () => ({ body: { channel: 'webhook' } }),
  listAlertDeliveries: none,
  resendAlert: async () => ({ params: { id: (await alert()).deliveryId } }),
  listAllAlertDeliveries: none,
  readMailSettings: none,
  readStatementSummary: none,
  exportStatement: none,
  listUserStatement: () => ({ params: member() }),
  readUserStatementSummary: () => ({ params: member() }),
  exportUserStatement: () => ({ params: member() }),
  exportOperations: none,
  exportAllOperations: none,
  exportUsage: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  exportAllUsage: () => ({ query: { by: 'user', from: '2026-11-01', to: '2026-11-30' } }),
  readInvoicePdf: async () => ({ params: { id: (await boughtBy('paid')).invoiceId ?? '' } }),
  readReceiptPdf: async () => ({ params: { id: (await boughtBy('paid')).id } }),
  readAnyInvoicePdf: async () => ({ params: { id: (await boughtBy('paid')).invoiceId ?? '' } }),
  readAnyReceiptPdf: async () => ({ params: { id: (await boughtBy('paid')).id } }),
  readInvoiceIssuer: none,
  saveInvoiceIssuer: () => ({ body: { issuer, reason: 'Moved' } }),
  readReconciliation: none,
  listReconciliationRuns: none,
  startReconciliation: none,
  readReconciliationRun: async () => ({ params: { id: (await finding()).runId } }),
  listReconciliationFindings: async () => ({ params: { id: (await finding()).runId } }),
  explainReconciliationFinding: async () => ({
    params: { id: (await finding()).id },
    body: { reason: 'Known' },
  }),
  setReconciliationTolerance: () => ({ body: { tolerance, reason: 'The same' } }),
  listServiceExports: none,
  previewServiceExport: () => ({ body: serviceExport() }),
  importServiceExport: () => ({ body: serviceExport() }),
  readServiceExport: async () => ({ params: await importedExport() }),
  removeServiceExport: async () => ({ params: await importedExport() }),
  readOrganizationUsage: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  exportOrganizationUsage: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  readChargeBack: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  exportChargeBack: () => ({ query: { from: '2026-11-01', to: '2026-11-30' } }),
  listCostCentres: none,
  readOnboarding: none,
  readCentralBilling: none,
  listAnomalies: none,
  dismissAnomaly: async () => ({ params: await anomaly() }),
  setAnomalyThresholds: () => ({
    body: { spendFactor: 4, spendFloorNanoUsd: '5000000000', tellsModels: true, tellsCountries: true },
  }),
  setCentralBilling: () => ({ body: { central: false } }),
  saveCostCentre: () => ({ body: { code: 'R-1', name: 'Research' } }),
  assignCostCentre: () => ({ params: { id: owner.userId }, body: { code: null } }),
  assignTeamCostCentre: async () => ({ params: { id: (await team()).id }, body: { code: null } }),
}

const ssoInput = {
  name: 'Company',
  provider: {
    kind: 'saml',
    settings: {
      entityId: 'https://idp.example',
      signInUrl: 'https://idp.example/sso',
      certificates: [providerCertificate.cert],
    },
  },
}
const ssoMetadata = `<EntityDescriptor entityID="https://idp.example"><IDPSSODescriptor><KeyDescriptor><X509Certificate>AAAA</X509Certificate></KeyDescriptor>
  <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></IDPSSODescriptor></EntityDescriptor>`
const ssoConnection = async (change: object = {}) => {
  const { provider } = ssoInput
  const body = { ...ssoInput, provider: { ...provider, settings: { ...provider.settings, ...change } } }
  const added = await callEndpoint(http.app, 'addSsoConnection', owner, { body })
  const { id } = added.json<{ id: string }>()
  return id
}
const newDomain = () => `d${randomUUID()}.example.com`
const ssoDomain = async () => {
  const domain = newDomain()
  await callEndpoint(http.app, 'addSsoDomain', owner, { body: { domain } })
  return domain
}

/** A rotation may be under way already, in the background. */
const masterKeyToDestroy = async () => {
  await http.masterKeys.rotate(operator)
  for (;;) {
    const change = await http.masterKeys.work()
    if (change?.finishedAt) break
    await setImmediate()
  }
  const { versions } = await http.masterKeys.status()
  return { version: String(versions.findLast(({ state }) => state === 'retained')?.version) }
}

/** Not a matter of authorization: these are well-formed and still wrong. */
const publicStatus: Partial<Record<EndpointName, number>> = {
  signIn: 401,
  createEmbedLink: 401,
  openEmbedded: 410,
  finishSignIn: 401,
  signInWithPasskey: 401,
  addPasskey: 401,
  // A code of no app's, and there is nothing to remove or recover.
  confirmTotp: 401,
  removeTotp: 404,
  renewRecoveryCodes: 409,
  finishSso: 410,
  // Of a session that no company sign-in opened.
  proveSso: 409,
  signInWithLink: 410,
  setUp: 410,
  // Nobody here pays for a subscription that nothing is taken from.
  cancelIdleSubscription: 404,
  // No service of today's can stop what it has begun.
  cancelLongOperation: 409,
}

const table = Object.entries(endpoints) as [EndpointName, Endpoint][]
/** What ends or renews sessions must not end those of the other tests. */
const ownerFor = async (name: EndpointName): Promise<Browser> => {
  if (name === 'signOut' || name === 'stepUp') return signInLongAgo(owner)
  if (['changePassword', 'revokeOtherSessions', 'createCompany'].includes(name)) return http.createBrowser()
  if (name === 'scheduleUserDeletion' || name === 'cancelUserDeletion') return leaver
  if (name === 'removePasskey' || name === 'renamePasskey') return passkeyOwner
  if (name === 'leaveOrganization' || name === 'transferOrganization')
    return http.createBrowser({ organizationId: owner.organizationId, role: 'owner' })
  if (name === 'joinByInvitation') return http.createBrowser({ email: joiner })
  return endpointOf(name).stepUp ? owner : staleOwner
}

type Caller = Browser | { readonly headers: Record<string, string> } | null
const bearer = (token: string, more: Record<string, string> = {}): Caller => ({
  headers: { authorization: `Bearer ${token}`, ...more },
})

/** Everybody, as whom the table is walked, and what each is told where it may not go on. */
const callers = () =>
  ({
    nobody: null,
    owner,
    'owner, signed in long ago': staleOwner,
    colleague: stranger,
    outsider,
    administrator,
    'administrator, signed in long ago': staleAdministrator,
    'token of the owner': bearer(tokens.read),
    'token of the owner, not for reading': bearer(tokens.operations),
    'token of an outsider': bearer(tokens.foreign),
    'platform token for the owner': bearer(tokens.platform, { 'x-aideon-user': owner.userId }),
    'platform token for nobody': bearer(tokens.platform),
    'a token that nobody has': bearer(`aik_${'A'.repeat(36)}`),
  }) satisfies Record<string, Caller>
type Role = keyof ReturnType<typeof callers>
type Expected = 'granted' | 401 | 403 | 404 | 'step_up_required'

const isToken = (role: Role) => role.includes('token')

/** The whole of who may do what. */
const expectedOf = (endpoint: Endpoint, role: Role): Expected => {
  const { auth, params, stepUp } = endpoint
  if (auth === 'public') return 'granted'
  if (role === 'nobody' || role === 'a token that nobody has') return 401
  if (isToken(role)) {
    // None of them may manage.
    if (auth !== 'session_or_token') return 403
    if (role === 'token of the owner, not for reading' || role === 'platform token for nobody') return 403
    return role === 'token of an outsider' && params ? 404 : 'granted'
  }
  if (auth === 'administrator') {
    if (role === 'administrator') return 'granted'
    if (role === 'administrator, signed in long ago') return stepUp ? 'step_up_required' : 'granted'
    return 403
  }
  if (role === 'owner') return 'granted'
  if (role === 'owner, signed in long ago') return stepUp ? 'step_up_required' : 'granted'
  if (role === 'administrator, signed in long ago' && stepUp) return 'step_up_required'
  if (role === 'colleague' && !may('member', endpoint.permission as Permission)) return 403
  return params ? 404 : 'granted'
}

const statusOf = async (name: EndpointName, as: Caller, request: AnyRequest) => {
  const endpoint: Endpoint = endpoints[name]
  const reply =
    as !== null && 'headers' in as
      ? await http.app.inject({
          method: endpoint.method,
          url: urlOf(endpoint, request),
          headers: as.headers,
          ...(request.body === undefined ? {} : { payload: request.body }),
        })
      : await callEndpoint(http.app, name, as, request)
  if (reply.statusCode !== 403) return { status: reply.statusCode, body: reply.body }
  const { code } = reply.json<{ error: { code: string } }>().error
  return { status: code === 'step_up_required' ? code : 403, body: reply.body }
}

describe.each(table)('%s', (name, endpoint) => {
  const granted = publicStatus[name] ?? endpoint.status ?? 200

  test('refuses everybody who may not, each in the right words', async () => {
    const request = await requests[name]()
    const found: Record<string, unknown> = {}
    const expected: Record<string, unknown> = {}
    for (const [role, as] of Object.entries(callers()) as [Role, Caller][]) {
      const outcome = expectedOf(endpoint, role)
      if (outcome === 'granted') continue
      expected[role] = outcome
      found[role] = (await statusOf(name, as, request)).status
    }
    expect(found).toEqual(expected)
  })

  test('takes whoever may', async () => {
    const isPublic = endpoint.auth === 'public'
    // Where no fresh proof is needed the session that has none shows it.
    const stale = endpoint.stepUp ? '' : ', signed in long ago'
    const roles = isPublic
      ? (['nobody'] as const)
      : endpoint.auth === 'administrator'
        ? ([`administrator${stale}`] as Role[])
        : ([`owner${stale}`, 'token of the owner', 'platform token for the owner'] as Role[])
    for (const role of roles.filter((one) => expectedOf(endpoint, one) === 'granted')) {
      const request = await requests[name]()
      const as = role.startsWith('owner') ? await ownerFor(name) : callers()[role]
      const { status, body } = await statusOf(name, as, request)
      expect(status, `${role}: ${body}`).toBe(granted)
    }
  })

  if (endpoint.method === 'PATCH')
    test('takes a change of nothing', async () => {
      const as = endpoint.auth === 'administrator' ? administrator : owner
      const { params } = await requests[name]()
      const reply = await callEndpoint(http.app, name, as, { params, body: {} })
      expect(reply.statusCode, reply.body).toBeLessThan(500)
    })

  if (endpoint.params && !endpoint.path.startsWith('/admin/services'))
    test('an id that does not exist is not found; one that is no id is refused', async () => {
      const as = endpoint.auth === 'administrator' ? administrator : owner
      const request = await requests[name]()
      const withId = (id: string) => ({ ...request, params: { ...request.params, id } })
      if (!('id' in (request.params ?? {}))) return
      expect((await callEndpoint(http.app, name, as, withId(newId()))).statusCode).toBe(404)
      expect((await callEndpoint(http.app, name, as, withId('1'))).statusCode).toBe(400)
    })
})

describe('the table of permissions', () => {
  const ofMembers = table.filter(([, { auth }]) => auth === 'session' || auth === 'session_or_token')

  test('says for every endpoint of members which roles may call it, and for no other', () => {
    const permitted = table.filter(([, { permission }]) => permission !== undefined)
    expect(permitted.map(([name]) => name)).toEqual(ofMembers.map(([name]) => name))
  })

  test('is what every role meets at every endpoint of members', async () => {
    const browsers = await Promise.all(
      roles.map(async (role) =>
        // Without a fresh proof and a body, nothing is done where somebody is let through.
        signInLongAgo(await http.createPerson({ organizationId: owner.organizationId, role })),
      ),
    )
    const told = ofMembers.filter(([name]) => name !== 'signOut')
    const [found, expected]: [unknown[], unknown[]] = [[], []]
    for (const [name, { path, permission }] of told) {
      const params = Object.fromEntries([...path.matchAll(/:(\w+)/g)].map(([, part]) => [part, newId()]))
      const allowed = roles.filter((role) => may(role, permission as Permission))
      // Of those who may, the one who may least else.
      const asked = roles.filter((role) => !allowed.includes(role) || role === allowed.at(-1))
      const replies = await Promise.all(
        asked.map((role) =>
          callEndpoint(http.app, name, browsers[roles.indexOf(role)] as Browser, { params }),
        ),
      )
      found.push([name, asked.filter((_, index) => !isForOtherRoles(replies[index]?.body))])
      expected.push([name, [allowed.at(-1)]])
    }
    expect(found).toEqual(expected)
  })
})

const isForOtherRoles = (body: string | undefined) => body?.includes('This is for these roles') ?? false

test('a fresh proof opens what needed one, under the new session alone', async () => {
  const browser = await signInLongAgo(owner)
  const create = (as: Browser) => http.call('createAccessToken', as, { body: { name: 'Step-up' } })
  expect((await create(browser)).json()).toMatchObject({ error: { code: 'step_up_required' } })
  expect((await http.call('readMe', browser, {})).json()).toMatchObject({ stepUp: { validUntil: null } })
  const link = must(await http.identity.createSignInLink(operator, owner.userId))
  const proof = { kind: 'sign_in_link', token: link.token } as const
  const proved = await http.call('stepUp', browser, { body: { proof } })
  expect(proved.statusCode, proved.body).toBe(200)
  const { csrfToken } = proved.json<{ csrfToken: string }>()
  const renewed = { ...browser, cookie: cookieFrom(proved), csrfToken }
  expect((await create(renewed)).statusCode).toBe(201)
  expect((await create(browser)).statusCode).toBe(401)
  expect((await create({ ...renewed, csrfToken: browser.csrfToken })).statusCode).toBe(403)
})
