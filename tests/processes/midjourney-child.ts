/** A gateway whose tasks are asked about in a hurry, so that a test of killed processes need not wait. */
import { tmpdir } from 'node:os'
import { readConfig } from '../../src/config/config.ts'
import { silentLog } from '../../src/kit/log.ts'
import { startGateway } from '../../src/main.ts'
import { openMidjourney } from '../midjourney-gateway.ts'

process.once('disconnect', () => process.exit(0))
const read = readConfig({ flags: {}, environment: process.env, isRoot: false, homeDirectory: tmpdir() })
if (!read.ok) throw new Error(read.problems.join(' '))
const gateway = await startGateway(read.config, silentLog)
const { url } = await openMidjourney(gateway.rooms)
console.log(`Aideon Keys is ready: ${url}`)
