import type { PlantedBug } from './planted-bug.ts'

const store = 'src/budgets/store-reservations.ts'
const reserving = 'src/budgets/reserving.ts'

const races = (test: string) => ({ file: 'src/budgets/races.db.test.ts', test })
const racing = races(
  'racing on the rest of a hard budget never pass it at any moment, and leave nothing of it unused',
)
const many = races('of many people and several budgets in any order never deadlock, and each budget holds')

export const budgetBugs: readonly PlantedBug[] = [
  {
    id: 'budget-without-lock',
    says: 'What is left of a budget is read without a lock: processes that hold at once pass it',
    edits: [{ file: store, find: '  void unit.send(lockStatement, keys)\n', replace: '' }],
    caughtBy: many,
  },
  {
    id: 'budgets-in-no-order',
    says: 'Budgets are locked in whatever order they come',
    edits: [
      {
        file: store,
        find: '    ORDER BY p.organization_id, p.budget_id, p.starts_at\n    FOR NO KEY UPDATE',
        replace: '    ORDER BY random()\n    FOR NO KEY UPDATE',
      },
    ],
    caughtBy: many,
  },
  {
    id: 'batch-passes-budget',
    says: 'Operations of one batch do not see what each other reserve of a budget',
    edits: [
      {
        file: reserving,
        find: 'rooms.set(text, { ...room, reserved: room.reserved + amount })',
        replace: 'void text',
      },
    ],
    caughtBy: racing,
  },
  {
    id: 'budget-counts-retry',
    says: 'A record that is sent again after a lost answer counts twice towards a budget',
    edits: [{ file: 'src/metering/recorder.ts', find: '(id) => recorded.has(id)', replace: '() => true' }],
    caughtBy: races('reserves once and counts once, with the hold and with the record'),
  },
  {
    id: 'phantom-reservation',
    says: 'What a dead process had reserved of a budget stays reserved when its hold is given back',
    edits: [
      {
        file: 'src/ledger/upkeep.ts',
        find: '      endReservations(\n        unit,\n        ended.map(({ operationId }) => operationId),\n      )\n',
        replace: '      void endReservations\n',
      },
    ],
    caughtBy: races('keeps what it set aside until its hold is given back, then nothing is left of it'),
  },
]
