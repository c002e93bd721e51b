/**
 * npm run lock, after a dependency was added: lists in package-lock.json the platform packages that the registry in use
 * does not serve. Without them npm leaves them out of the lock, and npm ci then refuses that same lock. An added entry has
 * no integrity hash; npm fills it in where a full registry is used. With --check it changes nothing and exits 1.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const lockPath = join(import.meta.dirname, '../package-lock.json')

const systems = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  win32: 'win32',
  openharmony: 'openharmony',
}
const processors = ['arm64', 'x64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64']

/** `@scope/binding-linux-arm64-musl` says where it belongs. */
const entryOf = (name, version, parent) => {
  const words = name.slice(name.indexOf('/') + 1).split('-')
  const system = words.map((word) => systems[word]).find((found) => found !== undefined)
  const processor = processors.find((candidate) => words.includes(candidate))
  if (!system || !processor)
    throw new Error(`${name}: its platform cannot be read from its name; add it by hand.`)
  const library = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : null
  return {
    version,
    cpu: [processor],
    ...(parent.dev ? { dev: true } : {}),
    ...(system === 'linux' && library ? { libc: [library] } : {}),
    license: parent.license,
    optional: true,
    os: [system],
    engines: parent.engines,
  }
}

const missingEntries = (packages) =>
  Object.entries(packages).flatMap(([at, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${at}/node_modules/${name}`])
      .map(([name, version]) => ({ path: `node_modules/${name}`, entry: entryOf(name, version, parent) })),
  )

const lock = JSON.parse(readFileSync(lockPath, 'utf8'))
const missing = missingEntries(lock.packages)
if (process.argv.includes('--check')) {
  for (const absent of missing)
    console.error(`${absent.path} is not in package-lock.json: npm ci would refuse it. Run npm run lock.`)
  process.exitCode = missing.length === 0 ? 0 : 1
} else {
  const entries = Object.entries({
    ...lock.packages,
    ...Object.fromEntries(missing.map((absent) => [absent.path, absent.entry])),
  })
  lock.packages = Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b, 'en')))
  writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`${missing.length} added`)
}
