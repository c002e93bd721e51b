import { hostname } from 'node:os'
import type { Config } from './config/config.ts'
import { version } from './config/version.ts'
import { makeAccess } from './access/access.ts'
import { makeAlerts } from './alerts/alerts.ts'
import { makeMail, noMail } from './alerts/mail.ts'
import { openSinks } from './audit/parse-sink.ts'
import { makeAuditStreaming } from './audit/streaming.ts'
import { makeAuditTrail } from './audit/trail.ts'
import { makeBilling } from './billing/billing.ts'
import { makeBudgets } from './budgets/budgets.ts'
import { type Database, openDatabase } from './db/database.ts'
import { claimInstallation } from './demo/claim.ts'
import { demoAddresses } from './demo/rotation.ts'
import { makeEpoch } from './db/epoch.ts'
import { migrate } from './db/migrate.ts'
import { makeHealth } from './health/health.ts'
import { openBreachedPasswords } from './identity/breached-passwords.ts'
import { makeIdentity } from './identity/identity.ts'
import { makeInsights } from './insights/insights.ts'
import { makeServiceKeys } from './keys/keys.ts'
import { makeTokenExchange } from './keys/token-exchange.ts'
import { makeKeyUses } from './keys/uses.ts'
import { systemClock } from './kit/clock.ts'
import { must } from './kit/fault.ts'
import type { Log } from './kit/log.ts'
import { makeLimits } from './limits/limits.ts'
import { makeLedger } from './ledger/ledger.ts'
import { makeLongOperations } from './long-operations/long-operations.ts'
import { makeMachines } from './machines/machines.ts'
import { makePrices } from './metering/prices.ts'
import { makeRecorder } from './metering/recorder.ts'
import { makeOutbound } from './net/outbound.ts'
import { findTextRecords } from './net/records.ts'
import { makeOrganizations } from './organizations/organizations.ts'
import { makeOversight } from './oversight/oversight.ts'
import { makePayments, makeStripe } from './payments/payments.ts'
import { makeDocuments } from './documents/documents.ts'
import { makeSso } from './sso/sso.ts'
import { makeStatements } from './statements/statements.ts'
import { makeRequests } from './requests/requests.ts'
import { makeProvisioning } from './provisioning/provisioning.ts'
import { makeReratings } from './rerating/rerating.ts'
import { makeReconciliation } from './reconciliation/reconciliation.ts'
import { rotationDrivers } from './rotation/drivers/registry.ts'
import { makeRotation } from './rotation/rotation.ts'
import { makeOrganizationKeys } from './organization-keys/organization-keys.ts'
import { makeTeams } from './teams/teams.ts'
import { makeCatalogue } from './routing/catalogue.ts'
import { makeUserDeletions } from './user-deletion/user-deletion.ts'
import { openVault } from './vault/open-vault.ts'
import { makeWebhooks } from './webhooks/webhooks.ts'
import { providerAllowances } from './vault/providers/parse-provider.ts'
import { platformOrganizationId } from './kit/id.ts'

export type Rooms = Awaited<ReturnType<typeof openRooms>>

/** Every room on one database: what the gateway, the commands and the tests are composed from. */
export const openRooms = async (options: {
  config: Config
  url: string
  embedded: boolean
  version: string
  log: Log
}) => {
  const { config, log } = options
  const clock = systemClock
  const database = openDatabase({ url: options.url, maximumConnections: config.maximumConnections })
  try {
    await migrate(database, { log })
    const claim = must(await claimInstallation(database, config.demo))
    const epoch = makeEpoch({ database, clock, log, version })
    const masterKeyOutbound = makeOutbound()
    masterKeyOutbound.allow(providerAllowances(config.masterKeyAddresses))
    const openedVault = must(
      await openVault({
        database,
        epoch,
        transport: masterKeyOutbound,
        clock,
        log,
        sources: {
          environment: config.masterKeyEnvironment,
          dataDirectory: config.dataDirectory,
          generateAllowed: options.embedded,
          named: config.masterKeyProviders,
        },
      }),
    )
    const { vault, masterKeys } = openedVault
    const outbound = makeOutbound()
    const callbacks = makeOutbound()
    callbacks.allow(config.webhookAddresses)
    const catalogue = makeCatalogue({ database, epoch, outbound })
    const prices = makePrices({
      database,
      clock,
      announce: (work) => epoch.announce(platformOrganizationId, work),
      change: (work) => epoch.change(platformOrganizationId, work),
    })
    const access = makeAccess({ database, epoch, clock, log })
    const mail = config.mail === null ? noMail : makeMail(config.mail)
    const alerts = makeAlerts({
      database,
      mail,
      signingSecret: (owner) => longOperations.webhooks.signingSecret(owner),
      callbacks,
      publicUrl: config.publicUrl,
      clock,
      log,
    })
    const serviceKeys = makeServiceKeys({ database, epoch, vault, outbound, catalogue, alerts, clock, log })
    const health = makeHealth({ database, epoch, clock, log })
    const limits = makeLimits({ database, epoch, clock, log })
    const tokenExchange = makeTokenExchange({ outbound, clock })
    const keyUses = makeKeyUses()
    const { holdGraceSeconds } = config.limits
    const budgets = makeBudgets({ database, epoch, alerts, clock, log, graceSeconds: holdGraceSeconds })
    const ledger = makeLedger({
      database,
      processId: epoch.processId,
      clock,
      log,
      graceSeconds: holdGraceSeconds,
    })
    const recorder = makeRecorder({ database, ledger, log, budgets })
    const longOperations = makeLongOperations({
      database,
      ledger,
      recorder,
      serviceKeys,
      catalogue,
      keyUses,
      vault,
      outbound,
      callbacks,
      clock,
      log,
    })
    const webhookEndpoints = makeWebhooks({ database, vault, callbacks, alerts, clock, log })
    const identity = makeIdentity({
      database,
      clock,
      vault,
      epoch,
      alerts,
      sessions: config.sessions,
      breached: await openBreachedPasswords(config.sessions.breachedPasswords ?? null, log),
    })
    const organizations = makeOrganizations({
      database,
      epoch,
      identity,
      ledger,
      serviceKeys,
      vault,
      mail,
      settings: config.organizations,
      clock,
      log,
    })
    const machines = makeMachines({ database, epoch, access, callbacks, identity, clock })
    const identityOutbound = makeOutbound()
    identityOutbound.allow(config.identityAddresses)
    const sso = makeSso({
      database,
      vault,
      outbound: identityOutbound,
      findTextRecords,
      members: organizations,
      clock,
    })
    const provisioning = makeProvisioning({ database, epoch, access, members: organizations, clock })
    const insights = makeInsights({ database, clock })
    const statements = makeStatements({ database })
    const teams = makeTeams({ database, epoch, access, clock })
    const organizationKeys = makeOrganizationKeys({ database, serviceKeys, limits, clock })
    const auditTrail = makeAuditTrail({ database, vault, clock, log })
    const auditOutbound = makeOutbound()
    auditOutbound.allow(config.auditStreamAddresses)
    const auditStreaming = makeAuditStreaming({
      database,
      sinks: must(
        openSinks(config.auditStreams, {
          signingSecret: config.auditStreamSecret,
          outbound: auditOutbound,
          clock,
          hostName: hostname(),
          pid: process.pid,
        }),
      ),
      processId: epoch.processId,
      log,
    })
    const stripe =
      config.stripe === null ? null : makeStripe({ account: config.stripe, database, outbound, clock, log })
    const billing = makeBilling({ database, epoch, ledger, clock, log, providers: stripe ? [stripe] : [] })
    const userDeletions = makeUserDeletions({
      database,
      epoch,
      organizations,
      billing,
      alerts,
      clock,
      log,
      graceDays: config.organizations.graceDays,
    })
    const oversight = makeOversight({ database, epoch, ledger, billing, alerts, clock })
    const requests = makeRequests({ database, organizations, serviceKeys, alerts, clock })
    const reratings = makeReratings({
      database,
      ledger,
      prices,
      secondApproverAboveMicros: async () => (await billing.settings()).secondApproverAboveMicros,
      clock,
      log,
    })
    const documents = makeDocuments({ database, billing, clock })
    const reconciliation = makeReconciliation({ database, prices, alerts, clock, log })
    const payments = makePayments({ database, billing, stripe, clock, log })

    const rotation = makeRotation({
      database,
      epoch,
      serviceKeys,
      keyUses,
      vault,
      outbound,
      alerts,
      drivers: rotationDrivers,
      clock,
      log,
      ...(config.demo && { addressOf: demoAddresses(catalogue) }),
    })

    epoch.onChange(async (organizationId) => {
      if (organizationId === null || organizationId === platformOrganizationId)
        await Promise.all([catalogue.load(), prices.reload()])
    })
    await Promise.all([catalogue.load(), prices.start()])

    const close = async () => {
      await auditStreaming.stop()
      await webhookEndpoints.close()
      await rotation.close()
      await Promise.allSettled([longOperations.close(), payments.settled(), reratings.close()])
      await reconciliation.settled()
      await Promise.allSettled([health.close(), limits.close(), budgets.close()])
      await Promise.allSettled([openedVault.close(), alerts.close()])
      await epoch.stop().catch(() => {})
      await Promise.allSettled([recorder.close(), ledger.close(), outbound.close(), callbacks.close()])
      await Promise.all([masterKeyOutbound.close(), auditOutbound.close(), identityOutbound.close()])
      await database.close()
    }
    return {
      access,
      alerts,
      auditStreaming,
      auditTrail,
      billing,
      budgets,
      callbacks,
      catalogue,
      claim,
      clock,
      close,
      database,
      documents,
      epoch,
      health,
      identity,
      insights,
      keyUses,
      ledger,
      limits,
      log,
      longOperations,
      machines,
      masterKeys,
      organizations,
      outbound,
      oversight,
      payments,
      prices,
      provisioning,
      reconciliation,
      recorder,
      requests,
      reratings,
      rotation,
      serviceKeys,
      sso,
      statements,
      teams,
      organizationKeys,
      tokenExchange,
      userDeletions,
      vault,
      webhookEndpoints,
    }
  } catch (error) {
    await closeQuietly(database)
    throw error
  }
}

/** The first error is the one worth telling. */
const closeQuietly = (database: Database): Promise<void> => database.close().catch(() => {})
