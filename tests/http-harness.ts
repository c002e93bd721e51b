import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { makeAuditStreaming } from '../src/audit/streaming.ts'
import { makeAuditTrail } from '../src/audit/trail.ts'
import { makeAccess } from '../src/access/access.ts'
import { makeAlerts } from '../src/alerts/alerts.ts'
import { type Mail, noMail } from '../src/alerts/mail.ts'
import { makeBilling } from '../src/billing/billing.ts'
import { makeBudgets } from '../src/budgets/budgets.ts'
import type { Endpoint } from '../src/contract/endpoint.ts'
import { endpoints, type EndpointName, type Reply, type Request, urlOf } from '../src/contract/endpoints.ts'
import { makeEpoch } from '../src/db/epoch.ts'
import { makeHttp } from '../src/http/http.ts'
import { makeIdempotency } from '../src/http/idempotency.ts'
import { makeRequestLimits, type RequestQuotas } from '../src/http/request-limits.ts'
import type { ReceiveWebhook } from '../src/http/provider-webhooks.ts'
import { makeHealth } from '../src/health/health.ts'
import { makeIdentity } from '../src/identity/identity.ts'
import { makeInsights } from '../src/insights/insights.ts'
import { makeServiceKeys } from '../src/keys/keys.ts'
import { makeKeyUses } from '../src/keys/uses.ts'
import { systemClock } from '../src/kit/clock.ts'
import { success } from '../src/kit/fault.ts'
import type { Log } from '../src/kit/log.ts'
import { silentLog } from '../src/kit/log.ts'
import { makeLedger } from '../src/ledger/ledger.ts'
import { makeLimits } from '../src/limits/limits.ts'
import { makeLongOperations } from '../src/long-operations/long-operations.ts'
import { makeMachines } from '../src/machines/machines.ts'
import { makePrices } from '../src/metering/prices.ts'
import { makeRecorder } from '../src/metering/recorder.ts'
import { makeOutbound } from '../src/net/outbound.ts'
import type { FindTextRecords } from '../src/net/records.ts'
import { makeOrganizations } from '../src/organizations/organizations.ts'
import type { NewPerson } from '../src/organizations/people.ts'
import { makeOversight } from '../src/oversight/oversight.ts'
import { makePayments } from '../src/payments/payments.ts'
import { makeDocuments } from '../src/documents/documents.ts'
import { makeReconciliation } from '../src/reconciliation/reconciliation.ts'
import { makeSso } from '../src/sso/sso.ts'
import { makeStatements } from '../src/statements/statements.ts'
import { makeRequests } from '../src/requests/requests.ts'
import { makeProvisioning } from '../src/provisioning/provisioning.ts'
import { makeReratings } from '../src/rerating/rerating.ts'
import { rotationDrivers } from '../src/rotation/drivers/registry.ts'
import { makeRotation } from '../src/rotation/rotation.ts'
import { makeOrganizationKeys } from '../src/organization-keys/organization-keys.ts'
import { makeTeams } from '../src/teams/teams.ts'
import { makeCatalogue } from '../src/routing/catalogue.ts'
import { makeUserDeletions } from '../src/user-deletion/user-deletion.ts'
import { makeWebhooks } from '../src/webhooks/webhooks.ts'
import { cloneDatabase } from './database.ts'
import { openTestVault } from './vault.ts'

export const operator = { kind: 'operator', id: null } as const

/** A signed-in browser. */
export interface Browser {
  readonly userId: string
  readonly organizationId: string
  readonly cookie: string
  readonly csrfToken: string
}

/** Secrets that the stand-in service accepts begin so; everything else it refuses. */
export const goodSecret = (): string => `sk-proj-good${randomBytes(18).toString('hex')}`

/** The whole management API on a database of its own, with a stand-in for every service's validation call. */
export const startHttp = async (
  options: {
    log?: Log
    dashboards?: () => string | null
    webhooks?: { readonly stripe: ReceiveWebhook }
    /** Where it stands: behind a proxy, under which address. */
    shell?: { publicUrl?: string; trustedProxies?: string[] }
    /** Left out: requests are not counted. */
    quotas?: RequestQuotas
    /** What name servers answer; left out: nothing. */
    findTextRecords?: FindTextRecords
    /** Left out: there is no mail server. */
    mail?: Mail
  } = {},
) => {
  const clone = await cloneDatabase()
  const { database } = clone
  const log = options.log ?? silentLog
  const clock = systemClock
  const epoch = makeEpoch({ database, clock, log })
  const outbound = makeOutbound()
  const catalogue = makeCatalogue({ database, epoch, outbound })
  const openedVault = await openTestVault(database, { epoch, log })
  const { vault, masterKeys } = openedVault
  const serviceKeys = makeServiceKeys({ database, epoch, vault, outbound, catalogue, clock, log })
  const ledger = makeLedger({ database, processId: epoch.processId, clock, log })
  const alerts = makeAlerts({
    database,
    mail: noMail,
    signingSecret: (owner) => longOperations.webhooks.signingSecret(owner),
    callbacks: outbound,
    publicUrl: null,
    clock,
    log,
  })
  const identity = makeIdentity({ database, clock, vault, epoch, alerts })
  const organizations = makeOrganizations({
    database,
    epoch,
    identity,
    ledger,
    serviceKeys,
    vault,
    mail: options.mail,
    settings: { selfService: true, graceDays: 14 },
    clock,
    log,
  })
  const access = makeAccess({ database, epoch, clock, log })
  const insights = makeInsights({ database, clock })
  const prices = makePrices({ database, clock })
  const health = makeHealth({ database, epoch, clock, log })
  const limits = makeLimits({ database, epoch, clock, log })
  const budgets = makeBudgets({ database, epoch, alerts, clock, log })
  const recorder = makeRecorder({ database, ledger, log, budgets })
  const longOperations = makeLongOperations({
    database,
    ledger,
    recorder,
    serviceKeys,
    catalogue,
    vault,
    outbound,
    callbacks: outbound,
    clock,
    log,
  })
  const billing = makeBilling({ database, epoch, ledger, clock, log })
  const reratings = makeReratings({
    database,
    ledger,
    prices,
    secondApproverAboveMicros: async () => (await billing.settings()).secondApproverAboveMicros,
    clock,
    log,
  })
  const payments = makePayments({ database, billing, stripe: null, clock, log })
  const rooms = {
    access,
    alerts,
    budgets,
    auditStreaming: makeAuditStreaming({ database, sinks: [], processId: epoch.processId, log }),
    auditTrail: makeAuditTrail({ database, vault, clock, log }),
    billing,
    catalogue,
    clock,
    health,
    identity,
    insights,
    ledger,
    limits,
    longOperations,
    provisioning: makeProvisioning({ database, epoch, access, members: organizations, clock }),
    machines: makeMachines({ database, epoch, access, callbacks: outbound, identity, clock }),
    masterKeys,
    organizations,
    payments,
    prices,
    requests: makeRequests({ database, organizations, serviceKeys, alerts, clock }),
    reratings,
    rotation: makeRotation({
      database,
      epoch,
      serviceKeys,
      keyUses: makeKeyUses(),
      vault,
      outbound,
      alerts,
      drivers: rotationDrivers,
      clock,
      log,
      // Nobody is asked: no address of a service is reached from here.
      addressOf: () => 'https://127.0.0.1:1',
    }),
    serviceKeys,
    documents: makeDocuments({ database, billing, clock }),
    reconciliation: makeReconciliation({ database, prices, alerts, clock, log }),
    oversight: makeOversight({ database, epoch, ledger, billing, alerts, clock }),
    sso: makeSso({
      database,
      vault,
      outbound,
      findTextRecords: options.findTextRecords ?? (async () => success([])),
      members: organizations,
      clock,
    }),
    statements: makeStatements({ database }),
    userDeletions: makeUserDeletions({
      database,
      epoch,
      organizations,
      billing,
      alerts,
      clock,
      log,
      graceDays: 14,
    }),
    teams: makeTeams({ database, epoch, access, clock }),
    organizationKeys: makeOrganizationKeys({ database, serviceKeys, limits, clock }),
    vault,
    webhookEndpoints: makeWebhooks({ database, vault, callbacks: outbound, alerts, clock, log }),
  }
  await Promise.all([epoch.start(), prices.start()])
  const standIn = await startStandIn()
  await useStandIn(catalogue, standIn)

  const app = await makeHttp({
    ...rooms,
    log,
    version: '0.0.0-test',
    demo: false,
    dashboards: options.dashboards ?? (() => null),
    ...options.shell,
    idempotency: makeIdempotency({ database, vault, clock, log }),
    requestLimits: options.quotas ? makeRequestLimits({ database, clock, quotas: options.quotas }) : null,
    ...(options.webhooks ? { webhooks: options.webhooks } : {}),
  })

  let people = 0
  const createPerson = async (person: Partial<NewPerson> = {}) => {
    const email = person.email ?? `person${++people}@example.com`
    const created = await organizations.createPerson(operator, {
      email,
      name: 'Ada',
      organizationId: null,
      ...person,
    })
    if (!created.ok) throw new Error(created.fault.message)
    return created.value
  }

  const signIn = async (person: { userId: string; organizationId: string }): Promise<Browser> => {
    const link = await identity.createSignInLink(operator, person.userId)
    if (!link.ok) throw new Error(link.fault.message)
    const reply = await app.inject({
      method: 'POST',
      url: '/api/session/link',
      payload: { token: link.value.token },
    })
    const { csrfToken } = reply.json<Reply<'readMe'>>()
    return { ...person, csrfToken, cookie: cookieFrom(reply) }
  }

  return {
    app,
    database,
    epoch,
    ...rooms,
    createPerson,
    signIn,
    createBrowser: async (person: Partial<NewPerson> = {}) => signIn(await createPerson(person)),
    call: <Name extends EndpointName>(name: Name, as: Browser | null, request: Request<Name>) =>
      callEndpoint(app, name, as, request),
    async close() {
      await app.close()
      await rooms.reconciliation.settled()
      await Promise.all([
        longOperations.close(),
        health.close(),
        limits.close(),
        recorder.close(),
        budgets.close(),
      ])
      await rooms.rotation.close()
      await alerts.close()
      await openedVault.close()
      await epoch.stop()
      await ledger.close()
      await outbound.close()
      await new Promise((done) => standIn.close(done))
      await clone.drop()
    },
  }
}
export type Http = Awaited<ReturnType<typeof startHttp>>

export interface AnyRequest {
  readonly params?: Record<string, string>
  readonly query?: Record<string, string>
  readonly body?: Record<string, unknown>
}

export const callEndpoint = (
  app: FastifyInstance,
  name: EndpointName,
  as: Browser | null,
  request: AnyRequest,
): Promise<LightMyRequestResponse> => {
  const endpoint: Endpoint = endpoints[name]
  return app.inject({
    method: endpoint.method,
    url: urlOf(endpoint, request),
    headers: as ? { cookie: as.cookie, 'x-csrf-token': as.csrfToken } : {},
    ...(request.body === undefined ? {} : { payload: request.body }),
  })
}

export const cookieFrom = (reply: LightMyRequestResponse): string => {
  const [cookie] = reply.cookies
  if (!cookie) throw new Error(`no cookie in ${reply.statusCode}: ${reply.body}`)
  return `${cookie.name}=${cookie.value}`
}

const startStandIn = async (): Promise<Server> => {
  const server = createServer((request, response) => {
    const secret = request.headers.authorization?.replace('Bearer ', '') ?? request.headers['x-api-key']
    response.writeHead(String(secret).includes('good') ? 200 : 401, { 'content-type': 'application/json' })
    response.end('{"data":[]}')
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return server
}

const useStandIn = async (catalogue: ReturnType<typeof makeCatalogue>, standIn: Server): Promise<void> => {
  const { port } = standIn.address() as AddressInfo
  await catalogue.load()
  await catalogue.addAllowance(operator, `127.0.0.1:${port}`)
  for (const service of ['openai', 'anthropic', 'openrouter'])
    await catalogue.change(operator, service, { baseUrl: `http://127.0.0.1:${port}` })
}
