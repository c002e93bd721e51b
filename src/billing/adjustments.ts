import { sql } from 'kysely'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { formatMicros } from '../kit/money.ts'
import type { Adjustment, AdjustmentRequest, Gift, Given } from './adjustment.ts'
import { settingsOf } from './loaded.ts'
import { type BillingParts, inTransaction, outcomeOf } from './parts.ts'
import { grantByKey, type T as Transaction } from './store.ts'
import * as store from './store-adjustments.ts'

const dayBefore = (at: Date): Date => new Date(at.getTime() - 86_400_000)

const isSame = (before: Adjustment, wanted: AdjustmentRequest): boolean =>
  before.kind === wanted.kind &&
  before.subjectId === wanted.subjectId &&
  (wanted.amountMicros === undefined || wanted.amountMicros === before.amountMicros) &&
  wanted.expiresAt?.getTime() === before.expiresAt?.getTime()

const keyInLedger = ({ id }: Pick<Adjustment, 'id'>): string => `adjustment:${id}`

/** Reversals and grants by administrators. Above the limit of the settings, nothing happens until another one agrees. */
export const makeAdjustments = (parts: Pick<BillingParts, 'database' | 'ledger' | 'clock'>) => {
  const { ledger, clock } = parts

  const isOver = (expiresAt: Date | null | undefined): boolean => expiresAt != null && expiresAt <= clock()

  const carryOut = async (t: Transaction, adjustment: Adjustment): Promise<void> => {
    const { organizationId, accountId, amountMicros, reason } = adjustment
    const common = {
      organizationId,
      accountId,
      amountMicros,
      reason,
      idempotencyKey: keyInLedger(adjustment),
      createdBy: adjustment.requestedBy,
    }
    if (adjustment.kind === 'grant') {
      // Since it was asked for.
      if (isOver(adjustment.expiresAt))
        throw new FaultError(
          fault('conflict', {
            message: 'These credits have expired by now.',
            next: 'Deny it and give others.',
          }),
        )
      await ledger.grant(t, {
        ...common,
        kind: 'adjustment',
        effectiveAt: clock(),
        expiresAt: adjustment.expiresAt,
      })
      return
    }
    const corrected =
      adjustment.kind === 'reverse_grant'
        ? await ledger.reverse(t, { ...common, grantId: adjustment.subjectId })
        : await ledger.refund(t, { ...common, operationId: adjustment.subjectId })
    // Refunds of its payment may have taken some of it meanwhile.
    if (corrected.amountMicros < amountMicros)
      throw new FaultError(
        fault('conflict', {
          message: `Only ${corrected.amountMicros} micro-credits of it are left to reverse.`,
        }),
      )
  }

  const request = async (
    t: Transaction,
    actor: Actor,
    wanted: AdjustmentRequest,
    mayWait: boolean,
  ): Promise<{ adjustment: Adjustment; created: boolean }> => {
    const { organizationId, kind, subjectId } = wanted
    // Two requests for one subject must see each other.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${subjectId}, 4203417015))`.execute(t)
    const before = await store.adjustmentByKey(t, organizationId, wanted.idempotencyKey)
    if (before && !isSame(before, wanted))
      throw new FaultError(
        fault('conflict', { message: 'This idempotency key was used for another adjustment.' }),
      )
    if (before) return { adjustment: before, created: false }
    const { accountId, amountMicros } =
      kind === 'grant' ? await gift(t, wanted) : await reversal(t, wanted, kind)
    const { secondApproverAboveMicros } = await settingsOf(t)
    // In parts it is no less: what one administrator has done alone with this subject counts.
    const alone = await store.doneAloneOf(t, organizationId, subjectId, kind, dayBefore(clock()))
    const waits = amountMicros + alone > secondApproverAboveMicros
    if (waits && !mayWait)
      throw new FaultError(
        fault('forbidden', {
          message: `More than ${formatMicros(secondApproverAboveMicros)} credits in a day need a second administrator.`,
          next: 'Give them by an adjustment: on the page of balances, where another administrator approves it.',
          field: 'credits',
        }),
      )
    const by = actor.id ?? actor.kind
    const adjustment: Adjustment = {
      organizationId,
      id: newId(),
      accountId,
      kind,
      subjectId,
      amountMicros,
      expiresAt: wanted.expiresAt ?? null,
      reason: wanted.reason,
      status: waits ? 'waiting' : 'done',
      requestedBy: by,
      decidedBy: waits ? null : by,
      createdAt: clock(),
      decidedAt: waits ? null : clock(),
    }
    await store.insertAdjustment(t, adjustment, wanted.idempotencyKey)
    if (!waits) await carryOut(t, adjustment)
    await audit(t, actor, waits ? 'adjustment.requested' : 'adjustment.done', adjustment)
    return { adjustment, created: true }
  }

  const gift = async (t: Transaction, wanted: AdjustmentRequest) => {
    const { organizationId, subjectId: accountId, amountMicros } = wanted
    if (!(await store.isAccount(t, organizationId, accountId)))
      throw new FaultError(fault('not_found', { field: 'subjectId' }))
    if (amountMicros === undefined || amountMicros <= 0n)
      throw new FaultError(
        fault('invalid_request', { message: 'Say how many credits are given.', field: 'amountMicros' }),
      )
    if (isOver(wanted.expiresAt))
      throw new FaultError(
        fault('invalid_request', { message: 'Credits expire later than now.', field: 'expiresAt' }),
      )
    return { accountId, amountMicros }
  }

  const reversal = async (
    t: Transaction,
    wanted: AdjustmentRequest,
    kind: Exclude<AdjustmentRequest['kind'], 'grant'>,
  ) => {
    const { organizationId, subjectId } = wanted
    if (wanted.expiresAt)
      throw new FaultError(
        fault('invalid_request', { message: 'Only credits that are given expire.', field: 'expiresAt' }),
      )
    const subject = await store.subjectOf(t, organizationId, kind, subjectId)
    if (!subject) throw new FaultError(fault('not_found', { field: 'subjectId' }))
    const left = subject.amountMicros - (await store.reversedOf(t, organizationId, subjectId))
    const amountMicros = wanted.amountMicros ?? left
    if (amountMicros <= 0n || amountMicros > left)
      throw new FaultError(
        fault('invalid_request', {
          message: `At most ${left} micro-credits of it can be reversed.`,
          field: 'amountMicros',
        }),
      )
    return { accountId: subject.accountId, amountMicros }
  }

  const audit = (
    t: Transaction,
    actor: Actor,
    action: AuditAction,
    adjustment: Adjustment,
    reason?: string,
  ) =>
    recordAudit(t, {
      organizationId: adjustment.organizationId,
      actor,
      action,
      subject: { kind: 'adjustment', id: adjustment.id },
      after: {
        kind: adjustment.kind,
        subjectId: adjustment.subjectId,
        amountMicros: String(adjustment.amountMicros),
        ...(adjustment.expiresAt ? { expiresAt: adjustment.expiresAt.toISOString() } : {}),
      },
      reason: reason ?? adjustment.reason,
    })

  const decide = async (
    actor: Actor,
    id: string,
    decide: 'done' | 'denied',
    reason?: string,
  ): Promise<Outcome<Adjustment>> =>
    outcomeOf(() =>
      inTransaction(parts, async (t) => {
        const adjustment = await store.lockAdjustment(t, id)
        if (!adjustment) throw new FaultError(fault('not_found'))
        if (adjustment.status === decide) return adjustment
        if (adjustment.status !== 'waiting')
          throw new FaultError(
            fault('conflict', { message: `This adjustment is ${adjustment.status} already.` }),
          )
        const by = actor.id ?? actor.kind
        if (decide === 'done' && by === adjustment.requestedBy)
          throw new FaultError(
            fault('forbidden', {
              message: 'Whoever asked for an adjustment cannot approve it.',
              next: 'Ask another administrator.',
            }),
          )
        if (decide === 'done') await carryOut(t, adjustment)
        const decided = await store.changeAdjustment(t, adjustment, {
          status: decide,
          decided_by: by,
          decided_at: clock(),
        })
        await audit(t, actor, decide === 'done' ? 'adjustment.done' : 'adjustment.denied', decided, reason)
        return decided
      }),
    )

  return {
    request: (actor: Actor, wanted: AdjustmentRequest): Promise<Outcome<Adjustment>> =>
      outcomeOf(() => inTransaction(parts, async (t) => (await request(t, actor, wanted, true)).adjustment)),
    giveNow: (actor: Actor, { accountId, idempotencyKey, ...wanted }: Gift): Promise<Outcome<Given>> =>
      outcomeOf(() =>
        inTransaction(parts, async (t) => {
          const wantedNow = {
            ...wanted,
            kind: 'grant',
            subjectId: accountId,
            idempotencyKey: `${accountId}:${idempotencyKey}`,
          } as const
          const { adjustment, created } = await request(t, actor, wantedNow, false)
          const grant = await grantByKey(t, adjustment, keyInLedger(adjustment))
          if (!grant) throw new Error(`adjustment ${adjustment.id} gave nothing`)
          return { grantId: grant.grantId, created }
        }),
      ),
    approve: (actor: Actor, id: string) => decide(actor, id, 'done'),
    deny: (actor: Actor, id: string, reason: string) => decide(actor, id, 'denied', reason),
  }
}
