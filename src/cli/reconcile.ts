import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Config } from '../config/config.ts'
import { type ServiceExportFormat, serviceExportFormat } from '../contract/reconciliation.ts'
import { must } from '../kit/fault.ts'
import type { Reconciliation } from '../reconciliation/reconciliation.ts'
import { type Finding, isOk, type Run } from '../reconciliation/run.ts'
import { findingOnWire, runOnWire } from '../reconciliation/wire.ts'
import { withRooms } from './database.ts'
import { explainFailure } from './failure.ts'

export interface ReconcileOptions {
  readonly all?: boolean
  readonly json?: boolean
  readonly import?: string
  readonly service?: string
  readonly format?: string
}

const operator = { kind: 'operator', id: null } as const
/** Shown of each question; the run keeps more. */
const shownAtMost = 20

/** For machines: 0, everything agrees or is explained; 1, something differs; 2, it could not be found out. */
export const reconcileCommand = (config: Config, options: ReconcileOptions): Promise<number> =>
  withRooms(config, async ({ reconciliation }) => {
    if (options.import !== undefined) await importFile(reconciliation, options, options.import)
    const run = await runNow(reconciliation, options.all === true)
    const findings = must(await reconciliation.findings(run.id, { after: null, limit: 10_000 }))
    if (options.json)
      console.log(JSON.stringify({ run: runOnWire(run), findings: findings.map(findingOnWire) }))
    else for (const line of linesOf(run, findings)) console.log(line)
    return isOk(run) === null ? 2 : isOk(run) ? 0 : 1
  }).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })

const importFile = async (
  reconciliation: Reconciliation,
  options: ReconcileOptions,
  file: string,
): Promise<void> => {
  const format = serviceExportFormat.safeParse(options.format ?? 'csv')
  if (!format.success || options.service === undefined)
    throw new Error('--import needs --service, and --format as --help lists them.')
  const content = await readFile(file, 'utf8')
  const wanted = {
    serviceId: options.service,
    format: format.data satisfies ServiceExportFormat,
    fileName: basename(file),
    content,
    keyOwner: 'system',
  } as const
  must(await reconciliation.importExport(operator, wanted))
}

/** The run of a gateway that is under way is waited for: there is one at a time. */
const runNow = async (reconciliation: Reconciliation, allPrices: boolean): Promise<Run> => {
  const { id } = await reconciliation.request('command', 'command line')
  for (;;) {
    await reconciliation.workOff({ allPrices })
    const run = must(await reconciliation.run(id))
    if (run.state === 'done' || run.state === 'failed') return run
    await new Promise((resume) => setTimeout(resume, 500))
  }
}

const linesOf = (run: Run, findings: readonly Finding[]): string[] => [
  ...run.totals.map(({ what, amount, unit }) => `${what}: ${amount} ${unit}`),
  ...run.checks.flatMap(({ check, claim, examined, unexplained, explained }) => [
    `${unexplained === 0 ? 'ok  ' : 'FAIL'}  ${claim} (${examined} examined${explained > 0 ? `, ${explained} explained` : ''})`,
    ...findings
      .filter((finding) => finding.check === check && !finding.isTolerated && finding.explanation === null)
      .slice(0, shownAtMost)
      .map((finding) => `      ${wordsOf(finding)}`),
  ]),
  ...(run.failure === null ? [] : [`FAIL  ${run.failure}`]),
]

const wordsOf = ({ subject, message, expected, found, unit }: Finding): string =>
  `${subject.kind} ${subject.id}: ${message}; expected ${expected ?? 'none'}, found ${found ?? 'none'} ${unit}`
