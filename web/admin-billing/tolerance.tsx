import { Button, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { ReconciliationTolerance } from '../../src/contract/reconciliation.ts'
import { parseUsd, usdField } from '../admin/price-words.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { count, exactUsd } from '../ui/format.ts'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { parsePercent, percent } from './billing-words.ts'

const words = (tolerance: ReconciliationTolerance): string =>
  `Of each day and model: ${percent(tolerance.basisPoints)} of what the service says, or ${count(tolerance.tokens)} tokens, ${count(tolerance.operations)} operations and ${exactUsd(tolerance.nanoUsd)}, whichever is more.${tolerance.dayShift ? ' Differences of neighbouring days that cancel out are explained.' : ''} Our own books have no tolerance.`

/** Which differences to a service's own count are within reason. */
export const Tolerance = ({ tolerance }: { tolerance: ReconciliationTolerance }) => {
  const [asking, setAsking] = useState(false)
  return (
    <Panel
      title="Tolerance"
      actions={
        <Button variant="default" onClick={() => setAsking(true)}>
          Change
        </Button>
      }
    >
      <p className={classes.note}>{words(tolerance)}</p>
      {asking && <ToleranceDialog tolerance={tolerance} onClose={() => setAsking(false)} />}
    </Panel>
  )
}

const whole = (text: string): number | null => (/^\d{1,9}$/.test(text.trim()) ? Number(text) : null)

const ToleranceDialog = (props: { tolerance: ReconciliationTolerance; onClose: () => void }) => {
  const { tolerance } = props
  const save = useAct('setReconciliationTolerance', [
    'readReconciliation',
    'listServiceExports',
    'readServiceExport',
  ])
  const [share, setShare] = useState(String(tolerance.basisPoints / 100))
  const [tokens, setTokens] = useState(String(tolerance.tokens))
  const [operations, setOperations] = useState(String(tolerance.operations))
  const [usd, setUsd] = useState(usdField(tolerance.nanoUsd))
  const [dayShift, setDayShift] = useState(tolerance.dayShift)
  const [reason, setReason] = useState('')
  const basisPoints = parsePercent(share)
  const nanoUsd = parseUsd(usd)
  const [wholeTokens, wholeOperations] = [whole(tokens), whole(operations)]
  const isWrong = basisPoints === null || nanoUsd === null || wholeTokens === null || wholeOperations === null
  return (
    <FormDialog
      opened
      title="Tolerance"
      submit="Save tolerance"
      busy={save.isPending}
      error={save.error}
      blocked={isWrong || reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() => {
        if (isWrong) return
        after(
          save.mutateAsync({
            body: {
              tolerance: { basisPoints, tokens: wholeTokens, operations: wholeOperations, nanoUsd, dayShift },
              reason: reason.trim(),
            },
          }),
          () => {
            tellDone('The tolerance is saved; the next run judges by it.')
            props.onClose()
          },
        )
      }}
    >
      <TextInput
        label="Share of what the service says, %"
        inputMode="decimal"
        value={share}
        error={basisPoints === null && 'A percentage from 0 to 100.'}
        onChange={(event) => setShare(event.currentTarget.value)}
      />
      <div className={classes.line}>
        <TextInput
          label="Tokens"
          inputMode="numeric"
          value={tokens}
          error={wholeTokens === null && 'A whole number.'}
          onChange={(event) => setTokens(event.currentTarget.value)}
        />
        <TextInput
          label="Operations"
          inputMode="numeric"
          value={operations}
          error={wholeOperations === null && 'A whole number.'}
          onChange={(event) => setOperations(event.currentTarget.value)}
        />
      </div>
      <TextInput
        label="US dollars"
        inputMode="decimal"
        value={usd}
        error={nanoUsd === null && 'An amount in dollars.'}
        onChange={(event) => setUsd(event.currentTarget.value)}
      />
      <Switch
        label="Neighbouring days that cancel out are explained"
        checked={dayShift}
        onChange={(event) => setDayShift(event.currentTarget.checked)}
      />
      <TextInput
        label="Reason"
        maxLength={300}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
