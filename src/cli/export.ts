import type { Config } from '../config/config.ts'
import { exportDocument } from '../apply/export.ts'
import { readSnapshot } from '../apply/snapshot.ts'
import { withRooms } from './database.ts'

/** `aideon-keys export`: 0 written, 1 there is no such organisation. */
export const exportCommand = (config: Config, organization: string | null): Promise<number> =>
  withRooms(config, async (rooms) => {
    if (organization !== null && (await rooms.organizations.findByName(organization)) === null) {
      console.error(`There is no organisation ${organization}.`)
      return 1
    }
    const stored = await readSnapshot(rooms, rooms.clock())
    process.stdout.write(exportDocument(stored, organization).text)
    return 0
  })
