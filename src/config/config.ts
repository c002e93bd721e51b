import { join, resolve } from 'node:path'
import { type SettingName, settings } from './settings.ts'

/** Everything that an operator can decide, complete and checked. Made once, at start. */
export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Absolute. */
  readonly dataDirectory: string
  readonly demo: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Without a slash at the end; null: the address that we listen on. */
  readonly publicUrl: string | null
  /** Where the proxy in front says from which country a call comes; null: countries are not known. */
  readonly countryHeader?: string | null
  /** Path of a MaxMind DB file that says it instead. */
  readonly countryDatabase?: string | null
  readonly trustedProxies: readonly string[]
  readonly sessions: SessionSettings
  readonly organizations: { readonly selfService: boolean; readonly graceDays: number }
  /** To /api, a minute. */
  readonly requests: { readonly session: number; readonly user: number; readonly address: number }
  readonly dashboards: boolean
  /** null: the built-in PostgreSQL. */
  readonly databaseUrl: string | null
  readonly masterKey: string | null
  readonly masterKeyFile: string | null
  /** Where the operator says that the master key is; the first is for a new database. */
  readonly masterKeyProviders: readonly string[]
  /** Private addresses at which those may be reached. */
  readonly masterKeyAddresses: readonly string[]
  /** Credentials of what keeps the master key are read from it, by the names that its makers gave them. */
  readonly masterKeyEnvironment: Readonly<Record<string, string | undefined>>
  /** Places that the audit trail is streamed to. */
  readonly auditStreams: readonly string[]
  readonly auditStreamSecret: string | null
  readonly auditStreamAddresses: readonly string[]
  readonly maximumConnections: number
  /** null: nothing is paid by Stripe. */
  readonly stripe: StripeSettings | null
  /** null: no e-mail is sent. */
  readonly mail: MailSettings | null
  /** Private addresses that webhooks of users may go to. */
  readonly webhookAddresses: readonly string[]
  /** Private addresses that identity providers may have. */
  readonly identityAddresses: readonly string[]
  readonly limits: Limits
}

export interface SessionSettings {
  readonly idleSeconds: number
  readonly absoluteSeconds: number
  readonly proofSeconds: number
  /** A file or directory of passwords that were leaked; null: new ones are compared with none. */
  readonly breachedPasswords?: string | null
}

export interface MailSettings {
  readonly url: string
  readonly from: string
}

export interface StripeSettings {
  readonly secretKey: string
  readonly webhookSecret: string
  /** null: Stripe’s own. */
  readonly apiUrl: string | null
}

export interface Limits {
  readonly maximumBodyBytes: number
  readonly maximumReplyBytes: number
  readonly maximumOperations: number
  readonly headerSeconds: number
  readonly bodySeconds: number
  readonly firstByteSeconds: number
  readonly idleSeconds: number
  readonly totalSeconds: number
  /** Of the holds of a process found dead. */
  readonly holdGraceSeconds: number
  readonly drainSeconds: number
  /** Open at once, of one address. */
  readonly connectionsPerAddress: number
}

/** Sentences for the operator, one per mistake. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

export interface ConfigSources {
  /** By setting name; a bare flag is true. */
  readonly flags: Readonly<Partial<Record<SettingName, string | boolean>>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
  readonly homeDirectory: string
}

export const readConfig = (sources: ConfigSources): ConfigResult => {
  const problems: string[] = []
  const read = <Name extends SettingName>(name: Name): SettingValue<Name> | null => {
    const given = givenText(sources, name)
    if (given === null) return null
    const row = settings[name]
    const parsed = row.schema.safeParse(given.text)
    if (parsed.success) return parsed.data
    const shown = 'isSecret' in row && row.isSecret ? '' : `, not "${given.text.slice(0, 80)}"`
    problems.push(`${given.from} must be ${row.expected}${shown}.`)
    return null
  }
  const stripe = {
    secretKey: read('stripeSecretKey'),
    webhookSecret: read('stripeWebhookSecret'),
    apiUrl: read('stripeApiUrl'),
  }
  const smtpUrl = read('smtpUrl')
  const mailFrom = read('mailFrom')
  const config: Config = {
    host: read('host') ?? '127.0.0.1',
    port: read('port') ?? 8787,
    dataDirectory: resolve(read('dataDirectory') ?? defaultDataDirectory(sources)),
    demo: read('demo') ?? false,
    logLevel: read('logLevel') ?? 'info',
    publicUrl: read('publicUrl'),
    trustedProxies: read('trustedProxies') ?? [],
    countryHeader: read('countryHeader'),
    countryDatabase: read('countryDatabase'),
    sessions: {
      idleSeconds: (read('sessionIdleMinutes') ?? 1_440) * 60,
      absoluteSeconds: (read('sessionHours') ?? 336) * 3600,
      proofSeconds: (read('stepUpMinutes') ?? 15) * 60,
      breachedPasswords: read('breachedPasswords'),
    },
    organizations: {
      // Whoever looks at the demo should see how a company is made.
      selfService: read('companySelfService') ?? read('demo') ?? false,
      graceDays: read('deletionGraceDays') ?? 14,
    },
    requests: {
      session: read('sessionRequests') ?? 600,
      user: read('userRequests') ?? 1_200,
      address: read('addressRequests') ?? 300,
    },
    dashboards: read('dashboards') ?? true,
    databaseUrl: read('databaseUrl'),
    masterKey: read('masterKey'),
    masterKeyFile: read('masterKeyFile'),
    masterKeyProviders: read('masterKeyProviders') ?? [],
    masterKeyAddresses: read('masterKeyAddresses') ?? [],
    masterKeyEnvironment: sources.environment,
    auditStreams: read('auditStreams') ?? [],
    auditStreamSecret: read('auditStreamSecret'),
    auditStreamAddresses: read('auditStreamAddresses') ?? [],
    maximumConnections: read('maximumConnections') ?? 20,
    stripe: isWhole(stripe) ? stripe : null,
    mail: smtpUrl === null || mailFrom === null ? null : { url: smtpUrl, from: mailFrom },
    webhookAddresses: read('webhookAddresses') ?? [],
    identityAddresses: read('identityAddresses') ?? [],
    limits: {
      maximumBodyBytes: read('maximumBodyBytes') ?? 32 * 1024 * 1024,
      maximumReplyBytes: read('maximumReplyBytes') ?? 64 * 1024 * 1024,
      maximumOperations: read('maximumOperations') ?? 2_000,
      headerSeconds: read('headerSeconds') ?? 15,
      bodySeconds: read('bodySeconds') ?? 60,
      firstByteSeconds: read('firstByteSeconds') ?? 300,
      idleSeconds: read('idleSeconds') ?? 120,
      totalSeconds: read('totalSeconds') ?? 1_800,
      holdGraceSeconds: read('holdGraceSeconds') ?? 30,
      drainSeconds: read('drainSeconds') ?? 30,
      connectionsPerAddress: read('connectionsPerAddress') ?? 4_000,
    },
  }
  if (config.masterKey !== null && config.masterKeyFile !== null)
    problems.push('AIDEON_MASTER_KEY and AIDEON_MASTER_KEY_FILE are both set. Set one.')
  // With one of them payments would be taken and never heard of, or heard of and never understood.
  if ((stripe.secretKey === null) !== (stripe.webhookSecret === null) && problems.length === 0)
    problems.push(
      'AIDEON_STRIPE_SECRET_KEY and AIDEON_STRIPE_WEBHOOK_SECRET belong together. Set both or none.',
    )
  if ((smtpUrl === null) !== (mailFrom === null) && problems.length === 0)
    problems.push('AIDEON_SMTP_URL and AIDEON_MAIL_FROM belong together. Set both or none.')
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config }
}

const isWhole = (stripe: {
  secretKey: string | null
  webhookSecret: string | null
  apiUrl: string | null
}): stripe is StripeSettings => stripe.secretKey !== null && stripe.webhookSecret !== null

type SettingValue<Name extends SettingName> = (typeof settings)[Name]['schema']['_zod']['output']

/** An empty variable counts as none, as `AIDEON_PORT=` in an env file means. */
const givenText = (sources: ConfigSources, name: SettingName): { text: string; from: string } | null => {
  const { flag, environment } = settings[name]
  const flagged = sources.flags[name]
  if (flagged !== undefined && flag !== null)
    return { text: String(flagged), from: flag.split(' ')[0] ?? flag }
  const text = sources.environment[environment]
  return text === undefined || text === '' ? null : { text, from: environment }
}

/**
 * Root's is not under /root, where the account that PostgreSQL runs as cannot go; an ordinary user's is where data
 * belongs by the XDG convention, as the checkout may not be writable.
 */
export const defaultDataDirectory = (
  sources: Pick<ConfigSources, 'environment' | 'isRoot' | 'homeDirectory'>,
): string => {
  if (sources.isRoot) return '/var/lib/aideon-keys'
  const base = sources.environment['XDG_DATA_HOME']
  return join(base?.startsWith('/') ? base : join(sources.homeDirectory, '.local/share'), 'aideon-keys')
}
