import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AccountGrant, AccountOnWire } from '../../src/contract/billing-administration.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Credits, useNow } from '../ui/figures.tsx'
import { exactCredits } from '../ui/format.ts'
import { parseCredits } from '../ui/money.ts'
import { Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import type { Charge } from './account-statement.tsx'
import classes from './billing.module.css'
import { localMoment } from './local-moment.ts'
import { reversalParts } from './reversal-parts.ts'
import { adjustmentReads } from './reads.ts'

export type Adjusted =
  | { readonly kind: 'grant' }
  | { readonly kind: 'reverse_grant'; readonly grant: AccountGrant }
  | { readonly kind: 'reverse_charge'; readonly charge: Charge }

const titles = {
  grant: 'Give credits',
  reverse_grant: 'Take credits back',
  reverse_charge: 'Give a charge back',
} as const

/** null: as many as one likes. */
const mostOf = (adjusted: Adjusted): string | null => {
  switch (adjusted.kind) {
    case 'grant':
      return null
    case 'reverse_grant':
      return adjusted.grant.reversibleMicros
    case 'reverse_charge':
      return adjusted.charge.chargedMicros
  }
}

const subjectOf = (account: AccountOnWire, adjusted: Adjusted): string => {
  switch (adjusted.kind) {
    case 'grant':
      return account.accountId
    case 'reverse_grant':
      return adjusted.grant.id
    case 'reverse_charge':
      return adjusted.charge.operationId
  }
}

const plain = (micros: string): string => exactCredits(micros).replaceAll(',', '')

/** A new entry that corrects; above the limit it waits for a second administrator, and says so before. */
export const AdjustDialog = (props: { account: AccountOnWire; adjusted: Adjusted; onClose: () => void }) => {
  const { account, adjusted } = props
  const settings = useRead('readBillingSettings', {})
  const adjust = useAct('adjust', adjustmentReads)
  const [idempotencyKey] = useState(() => crypto.randomUUID())
  const most = mostOf(adjusted)
  const [text, setText] = useState(most === null ? '' : plain(most))
  const [reason, setReason] = useState('')
  const [end, setEnd] = useState('')
  const now = useNow()
  const endsAt = end === '' ? null : new Date(end)
  const isOver = endsAt !== null && endsAt <= now
  const micros = parseCredits(text)
  const isTooMuch = micros !== null && most !== null && BigInt(micros) > BigInt(most)
  const isWrong = micros === null || micros === '0' || isTooMuch
  const limit = settings.data?.secondApproverAboveMicros
  const waits = !isWrong && limit !== undefined && BigInt(micros) > BigInt(limit)
  return (
    <FormDialog
      opened
      title={titles[adjusted.kind]}
      submit={waits ? 'Ask for approval' : titles[adjusted.kind]}
      busy={adjust.isPending}
      error={adjust.error}
      blocked={isWrong || isOver || reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        after(
          adjust.mutateAsync({
            body: {
              organizationId: account.organizationId,
              kind: adjusted.kind,
              subjectId: subjectOf(account, adjusted),
              amountMicros: micros ?? '0',
              ...(endsAt && { expiresAt: endsAt.toISOString() }),
              reason: reason.trim(),
              idempotencyKey,
            },
          }),
          (made) => {
            const amount = `${exactCredits(made.amountMicros)} credits`
            tellDone(
              made.status === 'waiting'
                ? `${amount}: waits for another administrator.`
                : `${amount}: ${adjusted.kind === 'reverse_grant' ? 'taken back' : 'given'}.`,
            )
            props.onClose()
          },
        )
      }
    >
      <TextInput
        label="Credits"
        description={most === null ? undefined : `At most ${exactCredits(most)}.`}
        inputMode="decimal"
        autoComplete="off"
        value={text}
        error={
          isTooMuch
            ? 'More than can be corrected.'
            : isWrong && text.trim() !== ''
              ? 'A number of credits above zero, at most six decimal places.'
              : null
        }
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label="Reason"
        description="On the user’s statement and on the audit trail."
        maxLength={300}
        autoComplete="off"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {adjusted.kind === 'grant' && (
        <TextInput
          label="Until"
          type="datetime-local"
          description="In your browser’s time. Empty: they do not expire."
          min={localMoment(now)}
          value={end}
          error={isOver ? 'Later than now.' : null}
          onChange={(event) => setEnd(event.currentTarget.value)}
        />
      )}
      {!isWrong && adjusted.kind === 'reverse_grant' && <Parts grant={adjusted.grant} micros={micros} />}
      {waits && (
        <Notice tone="warning" title="Another administrator has to agree">
          It is more than {exactCredits(limit)} credits, so nothing happens until somebody else approves it.
        </Notice>
      )}
    </FormDialog>
  )
}

const Parts = (props: { grant: AccountGrant; micros: string }) => {
  const { unspentMicros, expiredMicros, owedMicros } = reversalParts(props.grant, props.micros)
  return (
    <div className={`${classes.box} ${classes.sums}`}>
      <p className={classes.sum}>
        <span>There and unspent</span>
        <Credits micros={unspentMicros} />
      </p>
      {expiredMicros !== '0' && (
        <p className={classes.sum}>
          <span>Expired since</span>
          <Credits micros={expiredMicros} />
        </p>
      )}
      <p className={classes.sum}>
        <span>Spent or held: other credits pay it, or it is owed</span>
        <Credits micros={owedMicros} />
      </p>
    </div>
  )
}
