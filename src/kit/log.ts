import pino from 'pino'

export type Log = pino.Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  readonly level: LogLevel
  /** Where lines go; standard error by default, so that standard output stays for what a person or script asked for. */
  readonly destination?: pino.DestinationStream
  /** Takes secrets out of a finished line: the last net under call sites that log none in the first place. */
  readonly redact?: (line: string) => string
}

/** Headers and fields whose value is a secret whatever its shape; found at the top level and two levels down. */
export const secretNames = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'mj-api-secret',
  'x-csrf-token',
  'password',
  'secret',
  'token',
  'accessToken',
  'masterKey',
] as const

const redactPaths = secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`])

/**
 * PostgreSQL quotes rows in `detail` and `where` ("Failing row contains (…)"), and other libraries hang requests and replies on
 * their errors. What is kept is what is known to hold none of it.
 */
const kept = [
  'type',
  'message',
  'stack',
  'code',
  'errno',
  'syscall',
  'address',
  'port',
  'severity',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'routine',
  'fault',
  'statusCode',
] as const

const errorOnLine = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error
  // Causes are within `message` and `stack`.
  const whole = pino.stdSerializers.err(error) as unknown as Record<string, unknown>
  return Object.fromEntries(kept.flatMap((name) => (whole[name] === undefined ? [] : [[name, whole[name]]])))
}

/** JSON lines. Every line passes `redact`, so a secret inside an error message or a URL is caught as well. */
export const makeLog = (options: LogOptions): Log => {
  const { redact } = options
  return pino(
    {
      level: options.level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactPaths, censor: '[redacted]' },
      serializers: { err: errorOnLine },
      ...(redact ? { hooks: { streamWrite: redact } } : {}),
    },
    // Synchronous: the lines that tell why a process died must be out before it is.
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
}

/** For tests and for tools that print for people. */
export const silentLog: Log = pino({ level: 'silent' })
