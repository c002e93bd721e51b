import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { MigrationError } from '../db/migrate.ts'
import { fault, FaultError } from '../kit/fault.ts'
import { explainFailure } from './failure.ts'

test('a port that another program has is named, with the way out', async () => {
  const first = createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const { port } = first.address() as AddressInfo
  const [error] = (await once(createServer().listen(port, '127.0.0.1'), 'error')) as [Error]
  first.close()
  expect(explainFailure(error)).toBe(
    `Port ${port} is taken by another program. Choose another one with --port, or --port 0 for any free one.`,
  )
})

test('an expected failure is told in its own words, a defect with its stack', () => {
  expect(explainFailure(new MigrationError('The schema is newer.'))).toBe('The schema is newer.')
  const refused = fault('conflict', { message: 'This data was made without --demo.', next: 'Use --data.' })
  expect(explainFailure(new FaultError(refused))).toBe('This data was made without --demo. Use --data.')
  expect(explainFailure(new TypeError('x is undefined'))).toMatch(/^TypeError: x is undefined\n\s+at /)
})
