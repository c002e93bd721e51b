/** The client as a package of JavaScript and types, for plain Node, browsers' bundlers and other repositories (npm run sdk). */
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { commandScript } from '../bin/choose-node.mjs'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist/sdk') } } })
const out = resolve(values.out)
const product = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

rmSync(out, { recursive: true, force: true })
const compiler = [commandScript('tsc', { tsc: 'typescript' }), '-p', join(root, 'sdk'), '--outDir', out]
const { status } = spawnSync(process.execPath, compiler, { stdio: 'inherit' })
if (status !== 0) process.exit(1)

const description = {
  name: 'aideon-keys-sdk',
  version: product.version,
  description: 'Client of the management API of Aideon Keys',
  license: product.license,
  type: 'module',
  sideEffects: false,
  engines: product.engines,
  exports: { '.': { types: './sdk/client.d.ts', default: './sdk/client.js' } },
  dependencies: { zod: product.dependencies.zod },
}
writeFileSync(join(out, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
console.log(`Made ${relative(process.cwd(), out) || out}: npm install it, or npm pack it.`)
