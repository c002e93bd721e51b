#!/usr/bin/env node
// Runs one of our scripts, or a development tool, with the Node.js that the product uses: `run.mjs vitest run`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { commandScript } from './choose-node.mjs'
import { launch } from './launch.mjs'

// Commands whose package has another name.
const tools = { tsc: 'typescript', biome: '@biomejs/biome', tsgolint: 'oxlint-tsgolint' }

const [command, ...parameters] = process.argv.slice(2)
if (!command) {
  console.error('Usage: node bin/run.mjs SCRIPT-OR-TOOL [PARAMETER...]')
  process.exit(1)
}
const script = /\.m?[jt]s$/.test(command) ? resolve(command) : commandScript(command, tools)
if (!script || !existsSync(script)) {
  console.error(`${command} is not here. Run npm ci first.`)
  process.exit(1)
}
await launch(script, parameters)
