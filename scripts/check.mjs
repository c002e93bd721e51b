/**
 * npm run check: everything that can be judged without running the product. Prints each step with its time; exits 1 when
 * one fails. Steps run two at a time, the long ones first.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { faults } from '../src/kit/fault.ts'
import { documents, unusedCodes } from './docs-source.ts'
import { rules, violations } from './house-rules.ts'
import { readSources } from './sources.ts'

const top = join(import.meta.dirname, '..')

const tool = (...parameters) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(top, 'bin/run.mjs'), ...parameters], { cwd: top })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })

/** What did not change since the last run is not checked again: a third of the time. npm ci takes the memory away. */
const types = (project, name) =>
  tool('tsc', '-p', project, '--incremental', '--tsBuildInfoFile', `node_modules/.cache/types-${name}.json`)

const findings = (lines) => ({ ok: lines.length === 0, output: lines.join('\n') })

const houseRules = () =>
  findings(
    violations(readSources()).map(({ path, rule, detail }) => `${path}: ${rule} (${detail}). ${rules[rule]}`),
  )

const documentation = () => {
  const stale = Object.entries(documents()).filter(([path, text]) => read(path) !== text)
  const sources = readSources(['src']).filter(
    ({ path }) => path !== 'src/kit/fault.ts' && !path.includes('.test.'),
  )
  const unused = unusedCodes(
    Object.keys(faults),
    sources.map(({ text }) => text),
  )
  return findings([
    ...stale.map(([path]) => `${path} is not what the code says. Run npm run docs.`),
    ...unused.map((code) => `Fault ${code} is in the table, but nothing reports it.`),
  ])
}

const read = (path) => {
  try {
    return readFileSync(join(top, path), 'utf8')
  } catch {
    return null
  }
}

const steps = [
  ['lint', () => tool('oxlint', '--type-aware', '--deny-warnings')],
  ['types: server', () => types('.', 'server')],
  ['types: dashboards', () => types('web', 'dashboards')],
  ['schema types', () => tool('scripts/db-types.mjs', '--check')],
  ['unused code', () => tool('knip')],
  ['format', () => tool('biome', 'format')],
  ['lock file', () => tool('scripts/complete-lock.mjs', '--check')],
  ['house rules', houseRules],
  ['documents', documentation],
]

const began = performance.now()
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1).padStart(5)} s`
let failed = 0

const worker = async (queue) => {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    const [name, run] = step
    const since = performance.now()
    const { ok, output } = await run()
    if (!ok) failed += 1
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${seconds(since)}  ${name}`)
    if (!ok) console.log(output.trimEnd().replace(/^/gm, '         '))
  }
}

const queue = [...steps]
await Promise.all([worker(queue), worker(queue)])
console.log(
  `${failed === 0 ? 'ok    ' : 'FAILED'} ${seconds(began)}  ${steps.length} steps${failed ? `, ${failed} failed` : ''}`,
)
process.exitCode = failed === 0 ? 0 : 1
