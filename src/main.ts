import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { streamMetrics } from './audit/streaming.ts'
import { tellUnpaid } from './billing/past-due.ts'
import type { Config } from './config/config.ts'
import { startDemo } from './demo/run.ts'
import { startDemoStripe } from './demo/stripe.ts'
import { version } from './config/version.ts'
import { agreesWithDatabase } from './db/clock-drift.ts'
import { startPostgres } from './db/postgres.ts'
import { makeAdmission } from './gateway/admission.ts'
import { makeCallers } from './gateway/callers.ts'
import { makeCounters } from './gateway/counters.ts'
import { makeMetrics } from './gateway/metrics.ts'
import type { GatewayLimits } from './gateway/limits.ts'
import { makeListener } from './gateway/listener.ts'
import { makeRealtime } from './gateway/realtime.ts'
import type { GatewayParts } from './gateway/parts.ts'
import { makeServe } from './gateway/serve.ts'
import { buildDashboards, noDashboards } from './http/build-dashboards.ts'
import { makeHttp } from './http/http.ts'
import { makeIdempotency } from './http/idempotency.ts'
import { makeRequestLimits } from './http/request-limits.ts'
import { makeJobs } from './jobs/jobs.ts'
import type { Log } from './kit/log.ts'
import { makeCallerAddress } from './net/caller-address.ts'
import { type Countries, openCountries } from './oversight/country.ts'
import { dailyAt } from './reconciliation/api.ts'
import { openRooms, type Rooms } from './rooms.ts'

export interface Gateway {
  readonly url: string
  /** What the operator is told once it runs, such as the set-up link. */
  readonly notices: readonly string[]
  readonly rooms: Rooms
  /** Resolves when the dashboards can be opened. */
  readonly dashboardsBuilt: Promise<void>
  /** Drains: no new operations, running ones finish within the limit, everything settled, database stopped. */
  stop(): Promise<void>
}

/** As long as a record waits for a database that does not answer. */
const settleSeconds = 10

const checkout = fileURLToPath(new URL('..', import.meta.url))

/** The composition root: config → database → rooms → gateway and shell → jobs. */
export const startGateway = async (config: Config, log: Log): Promise<Gateway> => {
  const countries = await openCountries({
    header: config.countryHeader ?? null,
    database: config.countryDatabase ?? null,
    trustedProxies: config.trustedProxies,
    log,
  })
  const postgres = await startPostgres({
    databaseUrl: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    log,
  })
  const demoStripe =
    config.demo && config.stripe === null ? await startDemoStripe(config.dataDirectory) : null
  const rooms = await openRooms({
    config: demoStripe ? { ...config, stripe: demoStripe.settings } : config,
    url: postgres.url,
    embedded: postgres.embedded !== null,
    version,
    log,
  }).catch(async (error: unknown) => {
    await demoStripe?.stop()
    await postgres.stop()
    throw error
  })
  await makePartitions(rooms)
  await rooms.epoch.start()
  await rooms.health.start()
  const demo = config.demo
    ? await startDemo({ rooms, stripe: demoStripe, dataDirectory: config.dataDirectory, log })
    : null
  const upkeep = () => keepUp(rooms)
  await upkeep()

  const limits = gatewayLimits(config)
  const admission = makeAdmission(limits.maximumConcurrentOperations)
  const callers = makeCallers({
    access: rooms.access,
    keys: rooms.serviceKeys,
    limits: rooms.limits,
    budgets: rooms.budgets,
    machines: rooms.machines,
    epoch: rooms.epoch,
    clock: rooms.clock,
  })
  const counters = makeCounters(admission)
  const parts = {
    ...rooms,
    keys: rooms.serviceKeys,
    rateLimits: rooms.limits,
    addressOf: makeCallerAddress(config.trustedProxies),
    admission,
    callers,
    counters,
    limits,
    noteOrigin: originNotes(rooms, countries),
  }
  const serve = makeServe(parts)
  const realtime = makeRealtime(parts)
  const dashboards = config.dashboards
    ? buildDashboards({ checkout, dataDirectory: config.dataDirectory, log })
    : noDashboards

  let serving = false
  const requestLimits = makeRequestLimits({ ...rooms, quotas: config.requests })
  const idempotency = makeIdempotency(rooms)
  const http = await makeHttp({
    ...rooms,
    version,
    demo: rooms.claim.isDemoData,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    requestLimits,
    idempotency,
    dashboards: dashboards.directory,
    webhooks: { stripe: rooms.payments.receive },
    serverFactory: (rest) =>
      makeListener({
        serve,
        metrics: makeMetrics({
          access: rooms.access,
          counters,
          more: async () =>
            vaultMetric(rooms) + streamMetrics(await rooms.auditStreaming.view(), rooms.clock()),
        }),
        health: () => (!serving ? 'unavailable' : rooms.vault.problem() === null ? 'ok' : 'sealed'),
        rest,
        upgrade: realtime.upgrade,
        headersTimeoutMs: config.limits.headerSeconds * 1000,
        requestTimeoutMs: (config.limits.headerSeconds + config.limits.bodySeconds) * 1000,
        idleTimeoutMs: config.limits.idleSeconds * 1000,
        connectionsPerAddress: config.limits.connectionsPerAddress,
      }),
  })
  await http.listen({ host: config.host, port: config.port })
  serving = true

  rooms.longOperations.start()
  rooms.alerts.start()
  rooms.webhookEndpoints.start()
  rooms.rotation.start()
  rooms.auditStreaming.start()
  const jobs = makeJobs({ url: postgres.url, log })
  jobs.every('upkeep', '* * * * *', upkeep)
  jobs.every('partitions', '0 3 * * *', () => makePartitions(rooms))
  jobs.every(
    'recheck-service-keys',
    '* * * * *',
    async () => void (await rooms.serviceKeys.recheckDue(rooms.clock())),
  )
  jobs.every(
    'check-service-keys',
    '* * * * *',
    async () => void (await rooms.serviceKeys.hygiene.checkHealthyDue(rooms.clock())),
  )
  jobs.every('rotation', '* * * * *', () => rooms.rotation.upkeep())
  // What webhooks told is worked through at once; these are for what was left over, and for what never came.
  jobs.every(
    'payment-notices',
    '* * * * *',
    async () => void (await rooms.payments.processDue(rooms.clock())),
  )
  jobs.every(
    'payment-catch-up',
    '*/10 * * * *',
    async () => void (await rooms.payments.catchUp(rooms.clock())),
  )
  jobs.every('reconciliation', dailyAt.cron, async () => {
    await rooms.reconciliation.request('daily', 'schedule')
    await rooms.reconciliation.workOff()
  })
  // One that was asked for on a process that died with it.
  jobs.every('reconciliation-left', '*/10 * * * *', async () => void (await rooms.reconciliation.workOff()))
  jobs.every('audit-checkpoints', '*/10 * * * *', async () => void (await rooms.auditTrail.signCheckpoints()))
  // A rotation of the master key that nobody carries on, and the re-wrap of an upgrade.
  jobs.every('master-keys', '* * * * *', async () => void (await rooms.masterKeys.work()))
  jobs.every('control-policies', '* * * * *', async () => {
    await rooms.organizations.startDuePolicies(rooms.clock())
    await rooms.organizations.endExpiredExceptions(rooms.clock())
  })
  jobs.every('anomalies', '*/10 * * * *', async () => {
    await rooms.oversight.anomalies.watch(rooms.clock())
  })
  // One that a process began and did not end.
  jobs.every('reratings', '* * * * *', () => rooms.reratings.resume())
  jobs.every('api-requests', '*/10 * * * *', () => requestLimits.sweep())
  jobs.every('idempotent-requests', '*/20 * * * *', () => idempotency.sweep())
  await jobs.start()
  const timers = [
    setInterval(() => void rooms.access.flushUses(), 10_000).unref(),
    setInterval(() => void flushCountries(rooms), 10_000).unref(),
    setInterval(recovery(rooms), recoverEveryMs(config)).unref(),
  ]

  const url = addressOf(http.server.address() as AddressInfo)
  return {
    url,
    notices: [
      ...(rooms.claim.notice === null ? [] : [rooms.claim.notice]),
      ...sealedNotice(rooms),
      ...(demo === null ? await setUpNotice(rooms, config.publicUrl ?? url) : await demo.publish(url)),
    ],
    rooms,
    dashboardsBuilt: dashboards.built,
    async stop() {
      serving = false
      const drained = withinSeconds(config.limits.drainSeconds, admission.drain())
      realtime.close()
      for (const timer of timers) clearInterval(timer)
      await dashboards.stop()
      await jobs.stop()
      await drained
      http.server.closeAllConnections()
      // Whatever that cut off has still to be put on record.
      await withinSeconds(settleSeconds, admission.drain())
      await http.close()
      await rooms.access.flushUses()
      await rooms.serviceKeys.reportsSettled()
      await rooms.health.settled()
      await rooms.limits.settled()
      await rooms.budgets.settled()
      await rooms.recorder.drain()
      await rooms.ledger.drain()
      await rooms.close()
      countries?.close()
      await demo?.stop()
      await demoStripe?.stop()
      await postgres.stop()
    },
  }
}

const vaultMetric = ({ masterKeys }: Rooms): string => {
  const name = 'aideon_vault_sealed'
  const help = '1: nothing that needs a stored key works in this process'
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${masterKeys.sealed() === null ? 0 : 1}\n`
}

/** It runs, and serves nothing that needs a key: whoever started it should not have to find that out. */
const sealedNotice = ({ masterKeys }: Rooms): string[] => {
  const sealed = masterKeys.sealed()
  return sealed === null
    ? []
    : [`THE VAULT IS SEALED: ${sealed.problem.message} ${sealed.problem.next} It tries again by itself.`]
}

const originNotes = ({ oversight }: Rooms, countries: Countries | null): GatewayParts['noteOrigin'] =>
  countries &&
  (({ person }, incoming) => {
    const country = countries.of(incoming)
    if (country !== null) oversight.anomalies.noteCountry(person, country)
  })

const flushCountries = ({ oversight, log }: Rooms): Promise<void> =>
  oversight.anomalies
    .flushCountries()
    .catch((error: unknown) => log.warn({ err: error }, 'countries of callers not written'))

/** Without an administrator nobody could sign in, so whoever started the process gets the link that makes one. */
const setUpNotice = async ({ identity }: Rooms, url: string): Promise<string[]> => {
  const link = await identity.createSetUpLink()
  return link === null
    ? []
    : [`Make the first administrator (valid once, until ${link.expiresAt.toISOString()}): ${url}${link.path}`]
}

/** One process at a time: of several that start together, all but the first would find the tables made meanwhile. */
const makePartitions = async ({ database }: Rooms): Promise<void> => {
  await database.pool.query(
    'SELECT pg_advisory_xact_lock(4203417004); SELECT create_operation_partitions(now(), 2)',
  )
}

/** Apart from the jobs, whose minutes would add up: credits of a dead process are back seconds after the grace time. */
const recovery = ({ budgets, ledger, clock, log }: Rooms): (() => void) => {
  let running = false
  return () => {
    if (running) return
    running = true
    ledger
      .recoverHolds(clock())
      .then(() => budgets.recover(clock()))
      .catch((error: unknown) => log.warn({ err: error }, 'holds of dead processes could not be looked for'))
      .finally(() => {
        running = false
      })
  }
}

const recoverEveryMs = ({ limits }: Config): number => Math.min(limits.holdGraceSeconds, 5) * 1000

/** Whatever must happen by time alone; safe to repeat and to run in several processes at once. */
const keepUp = async (rooms: Rooms): Promise<void> => {
  const now = rooms.clock()
  await rooms.ledger.recoverHolds(now)
  // What money hangs on is not for a machine whose clock is wrong.
  if (await agreesWithDatabase(rooms)) {
    await rooms.billing.renewDue(now)
    await rooms.ledger.ensureAllocations(now)
    await rooms.ledger.expireGrants(now)
    await rooms.billing.topUpDue(now)
  }
  await rooms.identity.sweep()
  await rooms.sso.signIns.sweep()
  await rooms.organizations.deleteDue(now)
  await rooms.userDeletions.deleteDue(now)
  await rooms.longOperations.sweep(now)
  await rooms.machines.sweep(now)
  await rooms.limits.sweep()
  await rooms.budgets.tend(now)
  await tellUnpaid(rooms, now)
}

const gatewayLimits = ({ limits }: Config): GatewayLimits => ({
  maximumBodyBytes: limits.maximumBodyBytes,
  maximumReplyBytes: limits.maximumReplyBytes,
  maximumEventBytes: 4 * 1024 * 1024,
  bodyTimeoutMs: limits.bodySeconds * 1000,
  firstByteTimeoutMs: limits.firstByteSeconds * 1000,
  idleTimeoutMs: limits.idleSeconds * 1000,
  totalTimeoutMs: limits.totalSeconds * 1000,
  maximumConcurrentOperations: limits.maximumOperations,
})

const addressOf = ({ address, family, port }: AddressInfo): string =>
  `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`

const withinSeconds = async (seconds: number, work: Promise<void>): Promise<void> => {
  const limit = Promise.withResolvers<void>()
  const timer = setTimeout(limit.resolve, seconds * 1000)
  await Promise.race([work, limit.promise])
  clearTimeout(timer)
}
