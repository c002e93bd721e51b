/**
 * npm run planted-bugs [-- ID...]: switches each wrong variant of tests/planted-bugs/bugs.ts on in turn and runs the test
 * file that has to notice. Prints the kill table; exits 1 when a variant survives, or when the suite fails without one.
 */
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../src/db/embedded.ts'
import { silentLog } from '../src/kit/log.ts'
import { plantedBugs } from '../tests/planted-bugs/bugs.ts'

const top = join(import.meta.dirname, '..')
const wanted = process.argv.slice(2)
const bugs = plantedBugs.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
if (bugs.length === 0) {
  console.error(`No such variant. There are: ${plantedBugs.map(({ id }) => id).join(', ')}`)
  process.exit(2)
}
// One server for all runs: to start one takes longer than most of the tests.
const directory = await mkdtemp(join(tmpdir(), 'aideon-planted-'))
// mkdtemp's 0700 would keep out the account that the database runs as when root starts it.
if (process.getuid?.() === 0) await chmod(directory, 0o755)
const server = await startEmbedded({
  dataDirectory: join(directory, 'data'),
  log: silentLog,
  settings: { max_connections: '300', fsync: 'off' },
})

/** The full names of the tests that failed, and whether anything ran at all. */
const run = async (files, bug) => {
  const report = join(directory, 'report.json')
  await rm(report, { force: true })
  const child = spawn(
    process.execPath,
    [
      join(top, 'bin/run.mjs'),
      'vitest',
      'run',
      '--config',
      'tests/planted-bugs/vitest.config.ts',
      '--reporter=json',
      `--outputFile=${report}`,
      ...files,
    ],
    {
      cwd: top,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        AIDEON_TEST_DATABASE_URL: server.administratorUrl,
        ...(bug ? { AIDEON_PLANTED_BUG: bug } : {}),
      },
    },
  )
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  await new Promise((resolve) => child.on('close', resolve))
  const text = await readFile(report, 'utf8').catch(() => null)
  if (text === null) return { ran: 0, failed: [], output }
  const tests = JSON.parse(text).testResults.flatMap((file) => file.assertionResults)
  return {
    ran: tests.filter(({ status }) => status === 'passed' || status === 'failed').length,
    failed: tests.filter(({ status }) => status === 'failed').map(({ title }) => title),
    output,
  }
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(0).padStart(3)} s`
let wrong = 0
try {
  const since = performance.now()
  const control = await run([...new Set(bugs.map(({ caughtBy }) => caughtBy.file))], null)
  const sound = control.ran > 0 && control.failed.length === 0
  if (!sound) wrong++
  console.log(
    `${sound ? 'ok      ' : 'FAILED  '} ${seconds(since)}  the suite without an error: ${control.ran} tests, ${control.failed.length} fail`,
  )
  if (!sound) console.log(control.output || control.failed.join('\n'))
  for (const { id, says, caughtBy } of bugs) {
    const began = performance.now()
    const { ran, failed, output } = await run([caughtBy.file], id)
    const caught = failed.includes(caughtBy.test)
    if (!caught) wrong++
    console.log(`${caught ? 'killed  ' : 'SURVIVED'} ${seconds(began)}  ${id}: ${says}`)
    console.log(
      `                ${caught ? '' : 'not '}by ${caughtBy.file}: ${caughtBy.test} (${failed.length} of ${ran} fail)`,
    )
    if (!caught && ran === 0) console.log(output)
  }
} finally {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}
console.log(wrong === 0 ? `\nAll ${bugs.length} were noticed.` : `\n${wrong} went wrong.`)
process.exitCode = wrong === 0 ? 0 : 1
