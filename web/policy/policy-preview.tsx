import { Button } from '@mantine/core'
import { useState } from 'react'
import type { PolicyPreview as Preview } from '../../src/contract/policy.ts'
import type { KeyOwner } from '../../src/contract/wire.ts'
import { DifferenceList } from '../admin-billing/difference-list.tsx'
import { ServiceName } from '../data/service-name.tsx'
import { Credits } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { FaultNotice, Lines, Notice } from '../ui/notice.tsx'
import { Panel, Stat, Stats } from '../ui/page.tsx'
import type { Difference } from './policy-changes.ts'
import classes from './policy.module.css'

interface Reading {
  readonly data: Preview | undefined
  readonly error: unknown
}

/** What a policy that is not saved yet would do, by what was really asked for in the last 30 days. */
export const PolicyPreview = (props: {
  changes: readonly Difference[]
  preview: Reading
  /** It is of what the form said before. */
  isOld: boolean
}) => {
  const { changes, preview, isOld } = props
  return (
    <Panel title="What it would change">
      {changes.length === 0 ? (
        <p className={classes.quiet}>
          Nothing is different from the policy in force. Change something to see whom and what it touches,
          before you save.
        </p>
      ) : (
        <div className={classes.form} aria-live="polite" aria-busy={isOld}>
          <DifferenceList differences={changes} />
          {preview.error ? <FaultNotice error={preview.error} /> : null}
          {preview.data ? (
            <Consequences of={preview.data} isOld={isOld} />
          ) : (
            !preview.error && <Lines count={5} />
          )}
        </div>
      )}
    </Panel>
  )
}

const owners: Record<KeyOwner, string> = {
  user: 'members’ own keys',
  organization: 'the organisation’s keys',
  system: 'system keys',
}
const mostShown = 8

const Consequences = ({ of, isOld }: { of: Preview; isOld: boolean }) => {
  const { keysSuspended, keysRestored, refused, moves, monthlyMicros } = of
  const isQuiet =
    keysSuspended.length + keysRestored.length + refused.length + moves.length + of.servedAgain === 0
  return (
    <>
      <p className={classes.quiet}>
        {isOld
          ? 'Being counted anew …'
          : `By ${counted(of.planned, 'operation')} of the last 30 days, planned anew with the keys and prices of now${of.planned < of.operations ? `; ${of.operations - of.planned} more could not be` : ''}.`}
      </p>
      <Stats>
        <Stat label="Keys suspended" value={keysSuspended.length} />
        <Stat label="Keys back in use" value={keysRestored.length} />
        <Stat
          label="Operations refused"
          value={count(totalOf(refused))}
          note={of.uncovered.length > 0 && `${counted(of.uncovered.length, 'member')} without coverage`}
        />
        <Stat
          label="Credits a month"
          value={<Credits micros={monthlyMicros.after} />}
          note={
            monthlyMicros.after === monthlyMicros.before ? (
              'as now'
            ) : (
              <>
                now <Credits micros={monthlyMicros.before} />
              </>
            )
          }
        />
      </Stats>
      {refused.length > 0 && (
        <Notice tone="warning" title={`${counted(totalOf(refused), 'operation')} would have been refused`}>
          {of.uncovered.length > 0 && (
            <List
              label="Without coverage, as nothing of theirs would be served"
              items={of.uncovered}
              render={({ email }) => email}
              titled
            />
          )}
          <List
            label="Who would be refused"
            items={refused}
            render={(one) => (
              <>
                {one.email}: {counted(one.operations, 'operation')} with <code>{one.model}</code>.{' '}
                {one.message}
              </>
            )}
          />
        </Notice>
      )}
      {keysSuspended.length > 0 && (
        <List label="Keys that would be suspended" items={keysSuspended} render={keyWords} titled />
      )}
      {keysRestored.length > 0 && (
        <List label="Keys that would come back" items={keysRestored} render={keyWords} titled />
      )}
      {moves.map(({ from, to, operations }) => (
        <p key={`${from} ${to}`} className={classes.line}>
          {counted(operations, 'operation')} would move from {owners[from]} to {owners[to]}.
        </p>
      ))}
      {of.withoutCredits.length > 0 && (
        <List
          label="Would move to system keys, and have no credits now: refused until they have"
          items={of.withoutCredits}
          render={({ email }) => email}
          titled
        />
      )}
      {of.servedAgain > 0 && (
        <p className={classes.line}>
          {counted(of.servedAgain, 'operation')} that are refused now would be served.
        </p>
      )}
      {isQuiet && (
        <p className={classes.line}>No operation of the last 30 days would have ended differently.</p>
      )}
    </>
  )
}

const totalOf = (rows: readonly { operations: number }[]): number =>
  rows.reduce((sum, { operations }) => sum + operations, 0)

const keyWords = (key: Preview['keysSuspended'][number]) => (
  <>
    {key.email}: <ServiceName id={key.serviceId} /> key “{key.label}”
  </>
)

const List = <Item,>(props: {
  label: string
  titled?: boolean
  items: readonly Item[]
  render: (item: Item) => React.ReactNode
}) => {
  const { label, items } = props
  const [all, setAll] = useState(false)
  return (
    <div>
      {props.titled && <p className={classes.listTitle}>{label}</p>}
      <ul className={classes.list} aria-label={label}>
        {(all ? items : items.slice(0, mostShown)).map((item, index) => (
          <li key={index}>{props.render(item)}</li>
        ))}
      </ul>
      {items.length > mostShown && (
        <Button
          className={classes.showAll}
          variant="default"
          size="compact-sm"
          aria-expanded={all}
          aria-label={`${all ? `Show the first ${mostShown}` : `Show all ${items.length}`}: ${label}`}
          onClick={() => setAll(!all)}
        >
          {all ? `Show the first ${mostShown}` : `Show all ${items.length}`}
        </Button>
      )}
    </div>
  )
}
