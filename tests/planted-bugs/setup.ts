import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/db/database.ts'
import { withDatabase } from '../database-url.ts'
import { plantedBugs } from './bugs.ts'

/** Runs after the common set-up: takes from the template what the planted error does without. */
export default async (project: TestProject): Promise<void> => {
  const { sql } = plantedBugs.find(({ id }) => id === process.env['AIDEON_PLANTED_BUG']) ?? {}
  if (sql === undefined) return
  const provided = project.getProvidedContext()
  const template = openDatabase({
    url: withDatabase(provided.roleUrl, provided.templateDatabase),
    maximumConnections: 1,
  })
  await template.pool.query(sql)
  await template.close()
}
