import type { Unit } from '../db/writer.ts'
import { type Outcome, success } from '../kit/fault.ts'
import {
  budgetExceeded,
  type Claim,
  claimText,
  type Count,
  type Counting,
  type Room,
  tightest,
} from './claim.ts'
import * as store from './store-reservations.ts'

/** What an operation wants of budgets before it begins; also within the transaction of its hold. */
export interface Wanted {
  readonly organizationId: string
  readonly operationId: string
  readonly claims: readonly Claim[]
  readonly minimum: bigint
  readonly maximum: bigint
}

/** The budgets of a batch of operations, while their periods are locked. */
export interface Rooms {
  /** The most that this operation may reserve, at most its maximum; a refusal where that is less than its minimum. */
  most(wanted: Wanted): Outcome<bigint>
  take(wanted: Wanted, amount: bigint): void
  /** Sends what was taken and refused. */
  write(processId: string, at: Date): void
}

/** Locks, for the rest of the transaction, the periods that these operations reserve from. */
export const lockBudgets = async (unit: Unit, wanted: readonly Wanted[]): Promise<Rooms> => {
  const { rooms, own } = await store.lockRooms(
    unit,
    wanted.flatMap(({ claims }) => claims),
    wanted.map(({ operationId }) => operationId),
  )
  const reservations = new Map<string, store.Reservation>()
  const refused: Claim[] = []

  /** As they stand for this operation: what it reserved before is its own. */
  const roomsOf = ({ claims, operationId }: Wanted): Room[] =>
    claims.flatMap((claim) => {
      const room = rooms.get(claimText(claim))
      if (!room) return []
      const before = own.get(`${claimText(claim)}/${operationId}`) ?? 0n
      return { ...room, reserved: room.reserved - before }
    })

  return {
    most(one) {
      const { rest, room } = tightest(roomsOf(one), one.maximum)
      // Nothing left is too little for anything, also for what costs next to nothing.
      if (room === null || (rest >= one.minimum && rest > 0n)) return success(rest)
      refused.push(room)
      return { ok: false, fault: budgetExceeded(room, one.minimum) }
    },
    take(one, amount) {
      if (amount === 0n) return
      for (const room of roomsOf(one)) {
        const text = claimText(room)
        const key = `${text}/${one.operationId}`
        rooms.set(text, { ...room, reserved: room.reserved + amount })
        own.set(key, amount)
        reservations.set(key, {
          claim: room,
          organizationId: one.organizationId,
          operationId: one.operationId,
          amount,
        })
      }
    },
    write(processId, at) {
      store.noteRefused(unit, refused, at)
      store.insertReservations(unit, [...reservations.values()], processId, at)
    },
  }
}

/** A budget's period after something was added. */
export interface Counted {
  readonly claim: Count
  readonly used: bigint
}

/** With the records of these operations: gives back what they reserved, and adds what they used. */
export const countWithin = async (unit: Unit, countings: readonly Counting[]): Promise<Counted[]> => {
  store.endReservations(
    unit,
    countings.map(({ operationId }) => operationId),
  )
  const all = countings.flatMap(({ counts }) => counts)
  if (all.length === 0) return []
  const used = await store.addCounts(
    unit,
    all.map((count) => ({ claim: count, amount: count.amount })),
  )
  return all.flatMap((claim) => {
    const its = used.get(claimText(claim))
    return its === undefined ? [] : [{ claim, used: its }]
  })
}

export const endReservations: (unit: Unit, operationIds: readonly string[]) => void = store.endReservations
