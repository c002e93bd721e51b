import { Command } from 'commander'
import { type SettingName, settings } from '../config/settings.ts'
import { version } from '../config/version.ts'
import type { ApiOptions } from './api.ts'
import { configFromProcess } from './config.ts'
import { explainFailure } from './failure.ts'
import type { ReconcileOptions } from './reconcile.ts'

type Flags = Partial<Record<SettingName, string | boolean>>

const startFlags: readonly SettingName[] = ['host', 'port', 'dataDirectory', 'demo', 'logLevel', 'publicUrl']
const linkFlags: readonly SettingName[] = ['host', 'port', 'dataDirectory', 'logLevel', 'publicUrl']
const databaseFlags: readonly SettingName[] = ['dataDirectory', 'logLevel']

/** Commander names an option by its long flag (`--data` → `data`); the settings have names of their own. */
const withFlags = (command: Command, names: readonly SettingName[]): Command => {
  for (const name of names) {
    const { flag, description, environment } = settings[name]
    if (flag !== null) command.option(flag, `${description} [${environment}]`)
  }
  return command
}

const flagsOf = (command: Command): Flags => {
  const given = command.opts<Record<string, string | boolean>>()
  const flags: Flags = {}
  for (const name of startFlags) {
    const value = given[camelCase(settings[name].flag ?? '')]
    if (value !== undefined) flags[name] = value
  }
  return flags
}

const camelCase = (flag: string): string =>
  (flag.split(' ')[0] ?? '').slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

const environmentHelp = (): string => {
  const rows = Object.values(settings).filter((row) => row.flag === null)
  const width = Math.max(...rows.map((row) => row.environment.length))
  const lines = rows.map((row) => `  ${row.environment.padEnd(width)}  ${row.description}`)
  return `\nEnvironment:\n${lines.join('\n')}\n`
}

const program = new Command('aideon-keys')
  .description('Manages API keys for AI services, routes calls to them and meters what they use.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this')
  .helpCommand(false)
  .showHelpAfterError('(--help tells what there is.)')
  .addHelpText('after', `\nOptions of a command: aideon-keys start --help\n${environmentHelp()}`)

withFlags(program.command('start', { isDefault: true }), startFlags)
  .description('run the gateway and its dashboards (the default)')
  .addHelpText('after', environmentHelp)
  // As the default command it is given every word that is no command.
  .allowExcessArguments()
  .action(async (_, command: Command) => {
    if (command.args.length > 0) command.error(`error: '${command.args.join(' ')}' is not a command`)
    const config = configFromProcess(flagsOf(command))
    const { start } = await import('./start.ts')
    await start(config)
  })

withFlags(program.command('migrate'), databaseFlags)
  .description('bring the database to this version’s schema; start does so by itself')
  .action(async (_, command: Command) => {
    const { migrateCommand } = await import('./migrate.ts')
    process.exitCode = await migrateCommand(configFromProcess(flagsOf(command)))
  })

withFlags(program.command('apply'), databaseFlags)
  .description('make services, keys, tiers, organisations, users and policies what a file says')
  .requiredOption('-f, --file <file>', 'the file, such as aideon.yaml')
  .option('--dry-run', 'print what would change, and change nothing')
  .action(async (options: { file: string; dryRun?: boolean }, command: Command) => {
    const config = configFromProcess(flagsOf(command))
    const { apply } = await import('./apply.ts')
    process.exitCode = await apply({ file: options.file, dryRun: options.dryRun === true, config })
  })

withFlags(program.command('export'), databaseFlags)
  .description('print what apply would need to make the same of an empty installation, without secrets')
  .option('--organization <name>', 'one company with its people, and nothing of the platform')
  .action(async (options: { organization?: string }, command: Command) => {
    const { exportCommand } = await import('./export.ts')
    process.exitCode = await exportCommand(configFromProcess(flagsOf(command)), options.organization ?? null)
  })

withFlags(program.command('sign-in-link'), linkFlags)
  .description('print a link by which a user signs in once, such as an administrator made by apply')
  .argument('<email>', 'who signs in')
  .action(async (email: string, _: unknown, command: Command) => {
    const { signInLink } = await import('./sign-in-link.ts')
    process.exitCode = await signInLink(configFromProcess(flagsOf(command)), email)
  })

program
  .command('api')
  .description(
    'call the management API of a running gateway by the name of an endpoint; without one: list them (docs/api.md)',
  )
  .argument('[endpoint]', 'such as listServiceKeys')
  .option(
    '-p, --param <name=value>',
    'of its path or query; may be repeated',
    (one: string, all: string[]) => [...all, one],
    [],
  )
  .option('-d, --data <json>', 'its body: JSON, @file, or - for what is piped in')
  .option('--all', 'follow all pages of a list, one item a line')
  .option('--url <url>', 'where the gateway is [AIDEON_KEYS_URL]')
  .addHelpText('after', '\nAIDEON_KEYS_TOKEN is an access token with the scope manage.\n')
  .action(async (endpoint: string | undefined, options: ApiOptions) => {
    const { apiCommand } = await import('./api.ts')
    const parts = { environment: process.env, out: console.log, error: console.error }
    process.exitCode = await apiCommand(endpoint, options, parts)
  })

const ledger = program.command('ledger').description('examine the credit ledger').helpCommand(false)
withFlags(ledger.command('verify'), databaseFlags)
  .description(
    'prove that every balance follows from the entries; exits 1 where one does not, 2 where that cannot be told',
  )
  .action(async (_, command: Command) => {
    const { ledgerVerifyCommand } = await import('./ledger-verify.ts')
    process.exitCode = await ledgerVerifyCommand(configFromProcess(flagsOf(command)))
  })

withFlags(program.command('reconcile'), databaseFlags)
  .description(
    'prove entries, balances, grants, holds, usage, prices, invoices, payments and services’ own counts against each other; exits 1 where they differ, 2 where that cannot be told',
  )
  .option('--all', 'recompute the prices of all operations, not of the last 40 days')
  .option('--json', 'print the run and what it found as JSON')
  .option('--import <file>', 'first import an export of a service’s usage or cost')
  .option('--service <id>', 'the service that the export is of')
  .option(
    '--format <format>',
    'openai_usage, openai_costs, openai_csv, anthropic_usage, anthropic_costs or csv (default)',
  )
  .action(async (options: ReconcileOptions, command: Command) => {
    const { reconcileCommand } = await import('./reconcile.ts')
    process.exitCode = await reconcileCommand(configFromProcess(flagsOf(command)), options)
  })

const audit = program.command('audit').description('examine the audit trail').helpCommand(false)
withFlags(audit.command('verify'), databaseFlags)
  .description(
    'prove that no entry was changed, left out or put in; exits 1 where one was, 2 where that cannot be told',
  )
  .option(
    '--against <file>',
    'also compare with what was kept elsewhere: checkpoints, an export or a streamed file',
  )
  .action(async (options: { against?: string }, command: Command) => {
    const { auditVerifyCommand } = await import('./audit-verify.ts')
    process.exitCode = await auditVerifyCommand(configFromProcess(flagsOf(command)), options.against ?? null)
  })

withFlags(audit.command('checkpoint'), databaseFlags)
  .description('sign the end of every chain and print it, to be kept elsewhere')
  .action(async (_, command: Command) => {
    const { auditCheckpointCommand } = await import('./audit-verify.ts')
    process.exitCode = await auditCheckpointCommand(configFromProcess(flagsOf(command)))
  })

const vault = program
  .command('vault')
  .description('the master key: where it is kept, its versions, and what hangs on them (docs/vault.md)')
  .helpCommand(false)
const reasonFlag = ['--reason <text>', 'for the audit trail'] as const
withFlags(vault.command('status'), databaseFlags)
  .description('versions of the master key, processes, progress; exits 1 where the vault is sealed')
  .option('--json', 'print it as JSON')
  .action(async (options: { json?: boolean }, command: Command) => {
    const { vaultStatus } = await import('./vault.ts')
    process.exitCode = await vaultStatus(configFromProcess(flagsOf(command)), options)
  })
withFlags(vault.command('verify'), databaseFlags)
  .description('open everything that is stored, in memory; exits 1 where something does not open')
  .action(async (_, command: Command) => {
    const { vaultVerify } = await import('./vault.ts')
    process.exitCode = await vaultVerify(configFromProcess(flagsOf(command)))
  })
withFlags(vault.command('rotate'), databaseFlags)
  .description('make a new version with the same provider and wrap everything anew, while gateways run')
  .option(...reasonFlag)
  .action(async ({ reason }: { reason?: string }, command: Command) => {
    const { vaultRotate } = await import('./vault.ts')
    process.exitCode = await vaultRotate(configFromProcess(flagsOf(command)), reason)
  })
withFlags(vault.command('move'), databaseFlags)
  .description('make a new version with another provider and wrap everything anew, while gateways run')
  .requiredOption(
    '--to <reference>',
    'the provider, such as file:/etc/aideon/master.key (docs/master-keys.md)',
  )
  .option(...reasonFlag)
  .action(async ({ to, reason }: { to: string; reason?: string }, command: Command) => {
    const { vaultMove } = await import('./vault.ts')
    process.exitCode = await vaultMove(configFromProcess(flagsOf(command)), to, reason)
  })
withFlags(vault.command('rewrap'), databaseFlags)
  .description('wrap with the newest version whatever is not, or go on with what was interrupted')
  .option(...reasonFlag)
  .action(async ({ reason }: { reason?: string }, command: Command) => {
    const { vaultRewrap } = await import('./vault.ts')
    process.exitCode = await vaultRewrap(configFromProcess(flagsOf(command)), reason)
  })
withFlags(vault.command('destroy'), databaseFlags)
  .description('destroy a version that is not in use, for ever; refused while anything needs it')
  .argument('<version>', 'its number')
  .option(...reasonFlag)
  .action(async (version: string, { reason }: { reason?: string }, command: Command) => {
    const { vaultDestroy } = await import('./vault.ts')
    process.exitCode = await vaultDestroy(configFromProcess(flagsOf(command)), version, reason)
  })

try {
  await program.parseAsync()
} catch (error) {
  console.error(explainFailure(error))
  process.exit(1)
}
