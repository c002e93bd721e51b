import { isIP } from 'node:net'
import { z } from 'zod'

/** One thing an operator can set. Flags win over the environment. */
export interface Setting<T> {
  readonly environment: string
  /** As commander reads it; null for what belongs into the environment only. */
  readonly flag: string | null
  readonly description: string
  /** What a value must be, to end the sentence "… must be …". */
  readonly expected: string
  /** Takes the text as given. */
  readonly schema: z.ZodType<T, string>
  /** Its value must not appear in a message. */
  readonly isSecret?: boolean
}

const setting = <T>(row: Setting<T>): Setting<T> => row

const wholeNumber = (least: number, most: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most))

const switchValue: z.ZodType<boolean, string> = z
  .enum(['true', 'false', '1', '0', 'yes', 'no'])
  .transform((text) => text === 'true' || text === '1' || text === 'yes')

const text = z.string().min(1)

const addressList: z.ZodType<string[], string> = text
  .transform((list) =>
    list
      .toLowerCase()
      .split(',')
      .map((address) => address.trim()),
  )
  .refine((list) =>
    list.every((address) => /^(?:\[[0-9a-f:.]+\]|[0-9a-z.:-]+)(?:[:/]\d{1,5})?$/.test(address)),
  )

const seconds = (environment: string, description: string, least = 1): Setting<number> => ({
  environment,
  flag: null,
  description,
  expected: `a whole number of seconds from ${least} to 86400`,
  schema: wholeNumber(least, 86_400),
})

/** An address or a range, or the names that proxy-addr has for the private ones. */
const isProxyAddress = (given: string): boolean => {
  const [address = '', bits, more] = given.split('/')
  if (['loopback', 'linklocal', 'uniquelocal'].includes(given)) return true
  const family = isIP(address)
  if (family === 0 || more !== undefined) return false
  return (
    bits === undefined ||
    (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128))
  )
}

export const settings = {
  host: setting({
    environment: 'AIDEON_HOST',
    flag: '--host <address>',
    description: 'address to listen on; the default takes calls from this machine only (default 127.0.0.1)',
    expected: 'an IP address or a host name',
    schema: text.regex(/^[A-Za-z0-9.:_-]+$/),
  }),
  port: setting({
    environment: 'AIDEON_PORT',
    flag: '--port <number>',
    description: 'port to listen on; 0 picks a free one and prints it (default 8787)',
    expected: 'a number from 0 to 65535',
    schema: wholeNumber(0, 65_535),
  }),
  dataDirectory: setting({
    environment: 'AIDEON_DATA_DIR',
    flag: '--data <directory>',
    description: 'directory for the built-in database and the master key',
    expected: 'the path of a directory',
    schema: text,
  }),
  demo: setting({
    environment: 'AIDEON_DEMO',
    flag: '--demo',
    description: 'start with made-up users and simulated services, to look around',
    expected: 'true or false',
    schema: switchValue,
  }),
  logLevel: setting({
    environment: 'AIDEON_LOG_LEVEL',
    flag: '--log-level <level>',
    description: 'debug, info, warn, error or silent (default info)',
    expected: 'debug, info, warn, error or silent',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
  }),
  publicUrl: setting({
    environment: 'AIDEON_PUBLIC_URL',
    flag: '--public-url <url>',
    description: 'address under which people reach this gateway, where a proxy stands in front',
    expected: 'an address such as https://keys.example.com',
    schema: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  }),
  trustedProxies: setting({
    environment: 'AIDEON_TRUSTED_PROXIES',
    flag: null,
    description:
      'addresses of proxies whose x-forwarded-for, -proto and -host are believed, with commas between them (default none)',
    expected: 'a list such as 10.0.0.5,10.1.0.0/16,loopback',
    schema: text
      .transform((list) => list.split(',').map((address) => address.trim()))
      .refine((list) => list.every(isProxyAddress)),
  }),
  countryHeader: setting({
    environment: 'AIDEON_COUNTRY_HEADER',
    flag: null,
    description:
      'header in which the proxy in front says from which country a call comes, overwriting what callers send, such as cf-ipcountry (docs/oversight.md; default none)',
    expected: 'the name of a header',
    schema: text.regex(/^[A-Za-z0-9-]{1,60}$/).transform((name) => name.toLowerCase()),
  }),
  countryDatabase: setting({
    environment: 'AIDEON_COUNTRY_DATABASE',
    flag: null,
    description:
      'MaxMind DB file that says from which country a call comes where no proxy does, such as GeoLite2-Country.mmdb; read again when it is replaced (docs/oversight.md; default none)',
    expected: 'the path of a file',
    schema: text,
  }),
  sessionIdleMinutes: setting({
    environment: 'AIDEON_SESSION_IDLE_MINUTES',
    flag: null,
    description: 'a browser that asked for nothing this long is signed out (default 1440, a day)',
    expected: 'a whole number of minutes from 5 to 43200',
    schema: wholeNumber(5, 43_200),
  }),
  sessionHours: setting({
    environment: 'AIDEON_SESSION_HOURS',
    flag: null,
    description: 'a browser is signed out this long after it was signed in (default 336, two weeks)',
    expected: 'a whole number of hours from 1 to 2160',
    schema: wholeNumber(1, 2_160),
  }),
  stepUpMinutes: setting({
    environment: 'AIDEON_STEP_UP_MINUTES',
    flag: null,
    description:
      'how long a password or sign-in link lets a browser change secrets, money and policy (default 15)',
    expected: 'a whole number of minutes from 1 to 1440',
    schema: wholeNumber(1, 1_440),
  }),
  breachedPasswords: setting({
    environment: 'AIDEON_BREACHED_PASSWORDS',
    flag: null,
    description:
      'leaked passwords that nobody may choose: a directory of range files as haveibeenpwned.com gives them, or one file of SHA1:COUNT lines in their order; nothing leaves this machine (default none)',
    expected: 'the path of a file or a directory',
    schema: text,
  }),
  sessionRequests: setting({
    environment: 'AIDEON_SESSION_REQUESTS',
    flag: null,
    description: 'requests to /api a minute from one browser or access token (default 600)',
    expected: 'a whole number from 10 to 1000000',
    schema: wholeNumber(10, 1_000_000),
  }),
  userRequests: setting({
    environment: 'AIDEON_USER_REQUESTS',
    flag: null,
    description: 'requests to /api a minute of one user (default 1200)',
    expected: 'a whole number from 10 to 1000000',
    schema: wholeNumber(10, 1_000_000),
  }),
  addressRequests: setting({
    environment: 'AIDEON_ADDRESS_REQUESTS',
    flag: null,
    description: 'requests to /api a minute from one network that is not signed in (default 300)',
    expected: 'a whole number from 10 to 1000000',
    schema: wholeNumber(10, 1_000_000),
  }),
  dashboards: setting({
    environment: 'AIDEON_DASHBOARDS',
    flag: null,
    description: 'build and serve the dashboards; false leaves operations and /api (default true)',
    expected: 'true or false',
    schema: switchValue,
  }),
  databaseUrl: setting({
    environment: 'DATABASE_URL',
    flag: null,
    description: 'an external PostgreSQL 15 to 18 in place of the built-in one',
    expected:
      'an address such as postgres://user:password@host:5432/database, with @ : / ? # and % of the password percent-encoded',
    // A raw @ in the password would make the rest of it the host name, which messages show.
    schema: text.regex(/^postgres(ql)?:\/\/([^@/?#\s]*@)?[^@?\s]*(\?[^=@\s]+=\S*)?$/),
    isSecret: true,
  }),
  masterKey: setting({
    environment: 'AIDEON_MASTER_KEY',
    flag: null,
    description: 'the key that protects stored service keys: 32 bytes, base64 or hex',
    expected: '32 bytes, written in base64 or hex',
    schema: text.regex(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/),
    isSecret: true,
  }),
  masterKeyFile: setting({
    environment: 'AIDEON_MASTER_KEY_FILE',
    flag: null,
    description: 'a file that holds the master key, in place of the one in the data directory',
    expected: 'the path of a file',
    schema: text,
  }),
  masterKeyProviders: setting({
    environment: 'AIDEON_MASTER_KEY_PROVIDER',
    flag: null,
    description:
      'where the master key is kept, such as aws-kms:arn:…; several with spaces between them, the first for a new database (docs/master-keys.md)',
    expected: 'one or more references such as file:/etc/aideon/master.key or aws-kms:arn:aws:kms:…',
    schema: text
      .transform((list) => list.trim().split(/\s+/))
      .pipe(z.array(text.regex(/^[a-z0-9-]+:./)).min(1)),
    isSecret: true,
  }),
  masterKeyAddresses: setting({
    environment: 'AIDEON_MASTER_KEY_ADDRESSES',
    flag: null,
    description:
      'private addresses at which what keeps the master key may be reached, with commas between them (default none)',
    expected: 'a list such as vault.internal:8200,10.2.0.0/16',
    schema: addressList,
  }),
  masterKeyPassphrase: setting({
    environment: 'AIDEON_MASTER_KEY_PASSPHRASE',
    flag: null,
    description: 'the passphrase of the reference passphrase:env:AIDEON_MASTER_KEY_PASSPHRASE',
    expected: 'a passphrase of 16 characters or more',
    schema: text.min(16),
    isSecret: true,
  }),
  pkcs11Pin: setting({
    environment: 'AIDEON_PKCS11_PIN',
    flag: null,
    description: 'PIN of the token that holds the master key, where its reference names no pin-source',
    expected: 'a PIN',
    schema: text,
    isSecret: true,
  }),
  pkcs11PinFile: setting({
    environment: 'AIDEON_PKCS11_PIN_FILE',
    flag: null,
    description: 'a file that holds that PIN',
    expected: 'the path of a file',
    schema: text,
  }),
  pkcs11Wrapper: setting({
    environment: 'AIDEON_PKCS11JS',
    flag: null,
    description: 'the directory in which pkcs11js was installed, where that is not beside this program',
    expected: 'the path of a directory',
    schema: text.regex(/^\//),
  }),
  auditStreams: setting({
    environment: 'AIDEON_AUDIT_STREAM',
    flag: null,
    description:
      'where the audit trail is streamed to: file:/path, stdout, syslog+tls://host, syslog+tcp://host, syslog+udp://host or https://…, several with spaces between them (docs/audit.md)',
    expected: 'one or more places such as file:/var/log/aideon/audit.jsonl or syslog+tls://siem.example.com',
    schema: text.transform((list) => list.trim().split(/\s+/)),
    isSecret: true,
  }),
  auditStreamSecret: setting({
    environment: 'AIDEON_AUDIT_STREAM_SECRET',
    flag: null,
    description: 'signs what is streamed to https://…, as all our webhooks are signed',
    expected: 'whsec_ and 24 to 64 bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)',
    schema: text.regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/),
    isSecret: true,
  }),
  auditStreamAddresses: setting({
    environment: 'AIDEON_AUDIT_STREAM_ADDRESSES',
    flag: null,
    description:
      'private addresses, and public ones without encryption, that the audit trail may be streamed to (default none)',
    expected: 'a list such as siem.internal:6514,10.1.2.3,10.2.0.0/16',
    schema: addressList,
  }),
  stripeSecretKey: setting({
    environment: 'AIDEON_STRIPE_SECRET_KEY',
    flag: null,
    description: 'secret or restricted key of a Stripe account, to take payments with (docs/payments.md)',
    expected: 'a key such as sk_live_…, rk_live_… or sk_test_…',
    schema: text.regex(/^[sr]k_(live|test)_[A-Za-z0-9_]{8,250}$/),
    isSecret: true,
  }),
  stripeWebhookSecret: setting({
    environment: 'AIDEON_STRIPE_WEBHOOK_SECRET',
    flag: null,
    description: 'signing secret of the webhook endpoint that Stripe calls',
    expected: 'a secret such as whsec_…',
    schema: text.regex(/^whsec_[A-Za-z0-9+/=_-]{8,250}$/),
    isSecret: true,
  }),
  stripeApiUrl: setting({
    environment: 'AIDEON_STRIPE_API_URL',
    flag: null,
    description: 'where a stand-in for Stripe listens, to try payments without it',
    expected: 'an address such as http://127.0.0.1:12111',
    schema: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  }),
  webhookAddresses: setting({
    environment: 'AIDEON_WEBHOOK_ADDRESSES',
    flag: null,
    description:
      'private addresses that webhooks of users may go to, with commas between them (default none)',
    expected: 'a list such as hooks.internal,10.1.2.3:8080,10.2.0.0/16',
    schema: addressList,
  }),
  identityAddresses: setting({
    environment: 'AIDEON_IDENTITY_ADDRESSES',
    flag: null,
    description:
      'private addresses that identity providers of organisations may have, with commas between them (default none)',
    expected: 'a list such as login.internal,10.1.2.3:8443,10.2.0.0/16',
    schema: addressList,
  }),
  smtpUrl: setting({
    environment: 'AIDEON_SMTP_URL',
    flag: null,
    description: 'mail server that alerts are sent over (docs/budgets.md)',
    expected:
      'an address such as smtp://user:password@mail.example.com:587, or smtps:// for TLS from the first byte, with @ : / ? # and % of the password percent-encoded',
    schema: text.regex(/^smtps?:\/\/([^@/?#\s]*@)?[^@/?#\s:[\]]+(:\d{1,5})?\/?$/),
    isSecret: true,
  }),
  mailFrom: setting({
    environment: 'AIDEON_MAIL_FROM',
    flag: null,
    description: 'sender of the e-mails',
    expected: 'an e-mail address, or a name with one: Aideon Keys <keys@example.com>',
    schema: text.regex(/^([^<>\r\n]{1,100}<[^<>@\s]+@[A-Za-z0-9.-]+>|[^<>@\s]+@[A-Za-z0-9.-]+)$/),
  }),
  companySelfService: setting({
    environment: 'AIDEON_COMPANY_SELF_SERVICE',
    flag: null,
    description:
      'whether whoever is signed in may make a company and own it; its accounts have no credits of tiers without a price (default false)',
    expected: 'true or false',
    schema: switchValue,
  }),
  deletionGraceDays: setting({
    environment: 'AIDEON_DELETION_GRACE_DAYS',
    flag: null,
    description: 'days in which the deletion of a company or an account can be undone (default 14)',
    expected: 'a whole number of days from 1 to 365',
    schema: wholeNumber(1, 365),
  }),
  maximumBodyBytes: setting({
    environment: 'AIDEON_MAXIMUM_BODY_BYTES',
    flag: null,
    description: 'largest request body (default 33554432, 32 MiB: images in chat calls)',
    expected: 'a whole number of bytes from 1024 to 1073741824',
    schema: wholeNumber(1024, 1_073_741_824),
  }),
  maximumReplyBytes: setting({
    environment: 'AIDEON_MAXIMUM_REPLY_BYTES',
    flag: null,
    description: 'largest reply of a service that is not a stream (default 67108864, 64 MiB)',
    expected: 'a whole number of bytes from 1024 to 1073741824',
    schema: wholeNumber(1024, 1_073_741_824),
  }),
  maximumOperations: setting({
    environment: 'AIDEON_MAXIMUM_OPERATIONS',
    flag: null,
    description: 'operations under way at once in this process; more are refused (default 2000)',
    expected: 'a whole number from 1 to 100000',
    schema: wholeNumber(1, 100_000),
  }),
  connectionsPerAddress: setting({
    environment: 'AIDEON_CONNECTIONS_PER_ADDRESS',
    flag: null,
    description:
      'connections that one address may have open at once; behind a proxy all callers have its address (default 4000)',
    expected: 'a whole number from 1 to 1000000',
    schema: wholeNumber(1, 1_000_000),
  }),
  maximumConnections: setting({
    environment: 'AIDEON_DATABASE_CONNECTIONS',
    flag: null,
    description: 'database connections of this process (default 20)',
    expected: 'a whole number from 4 to 500',
    schema: wholeNumber(4, 500),
  }),
  headerSeconds: seconds(
    'AIDEON_HEADER_SECONDS',
    'time for a caller to send the request headers (default 15)',
  ),
  bodySeconds: seconds('AIDEON_BODY_SECONDS', 'time for a caller to send the whole request (default 60)'),
  firstByteSeconds: seconds(
    'AIDEON_FIRST_BYTE_SECONDS',
    'time for a service to begin its reply (default 300)',
  ),
  idleSeconds: seconds('AIDEON_IDLE_SECONDS', 'longest pause inside a reply (default 120)'),
  totalSeconds: seconds('AIDEON_TOTAL_SECONDS', 'longest operation (default 1800)'),
  holdGraceSeconds: seconds(
    'AIDEON_HOLD_GRACE_SECONDS',
    'time before the credits that a dead process had set aside are given back (default 30)',
  ),
  drainSeconds: seconds('AIDEON_DRAIN_SECONDS', 'time for running operations when stopping (default 30)', 0),
} as const

export type SettingName = keyof typeof settings

/** Read by the launcher and the tests, not here. */
const otherNames = ['AIDEON_NODE', 'AIDEON_TEST_DATABASE_URL']

/** Names that look like ours and mean nothing: nearly always a slip of the pen. */
export const unknownEnvironment = (environment: Readonly<Record<string, string | undefined>>): string[] => {
  const known = new Set([...Object.values(settings).map((row) => row.environment), ...otherNames])
  return Object.keys(environment)
    .filter((name) => name.startsWith('AIDEON_') && !known.has(name))
    .toSorted()
}
