import { groupTask } from '../../src/contract/groups.ts'
import { taskName } from '../data/words.ts'

export const taskChoices = groupTask.options.map((value) => ({ value, label: taskName(value) }))

export const origins = {
  shipped: 'Shipped',
  changed: 'Changed here',
  own: 'Own',
  removed: 'Removed',
} as const

/** The name of a group that is being made: no group can have it. */
export const newGroup = 'new!'
