/**
 * A gateway with a planted defect: it sends the last byte first and puts the operation on record a moment later. What
 * the tests of killed processes prove is that they find it out.
 */
import { tmpdir } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { readConfig } from '../../src/config/config.ts'
import { silentLog } from '../../src/kit/log.ts'
import { startGateway } from '../../src/main.ts'

process.once('disconnect', () => process.exit(0))
const read = readConfig({ flags: {}, environment: process.env, isRoot: false, homeDirectory: tmpdir() })
if (!read.ok) throw new Error(read.problems.join(' '))
const gateway = await startGateway(read.config, silentLog)
const { recorder } = gateway.rooms
const record = recorder.record.bind(recorder)
recorder.record = async (operation, settlement) => {
  void wait(200).then(() => record(operation, settlement))
}
console.log(`Aideon Keys is ready: ${gateway.url}`)
