/** A gateway as the command line starts it, with an edge armed on which something is killed. */
import { tmpdir } from 'node:os'
import { readConfig } from '../../src/config/config.ts'
import { silentLog } from '../../src/kit/log.ts'
import { startGateway } from '../../src/main.ts'
import { armEdge } from './edges.ts'

process.once('disconnect', () => process.exit(0))
const read = readConfig({ flags: {}, environment: process.env, isRoot: false, homeDirectory: tmpdir() })
if (!read.ok) throw new Error(read.problems.join(' '))
const gateway = await startGateway(read.config, silentLog)
armEdge()
console.log(`Aideon Keys is ready: ${gateway.url}`)
