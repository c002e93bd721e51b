import { Button, Switch } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { HealthMatrix, KeyHealth } from '../../src/contract/health.ts'
import { useSystemKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, useNow } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { priorityName, SecretTail, ServiceTile } from '../ui/mark.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { BreakerMark, KeyTroubleMark } from './breaker-mark.tsx'
import { failureText, isPaused, isUsed, rowsOf, soon, type ServiceRow } from './health-rows.ts'
import classes from './health.module.css'
import { priorities } from './key-order.ts'
import { PausedElsewhere } from './paused-elsewhere.tsx'
import { ResetBreakerDialog, type ResetSubject } from './reset-breaker.tsx'

const route = getRouteApi('/shell/admin/health')

/** Services × keys. Reads itself anew: what is paused goes on by itself, and people wait for that here. */
export const HealthPage = () => {
  const { all = false } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/health' })
  const health = useRead('readHealthMatrix', {}, { refreshSeconds: 5 })
  const [resetting, setResetting] = useState<ResetSubject | null>(null)
  return (
    <Page
      title="Health"
      description="Which services and system keys are called, on all processes together. This page keeps itself up to date."
    >
      <Loaded of={health} skeleton={<Block height={520} narrow={1100} />}>
        {(matrix) => (
          <>
            <Summary matrix={matrix} />
            <Panel
              flush
              title="Services and system keys"
              description="What needs attention comes first."
              actions={
                <Switch
                  label="Show services without keys"
                  checked={all}
                  onChange={(event) =>
                    void navigate({
                      search: { all: event.currentTarget.checked || undefined },
                      replace: true,
                    })
                  }
                />
              }
            >
              <Matrix rows={rowsOf(matrix).filter((row) => all || isUsed(row))} onReset={setResetting} />
            </Panel>
            <PausedElsewhere keys={matrix.openElsewhere} onReset={setResetting} />
            <Legend />
          </>
        )}
      </Loaded>
      {resetting && <ResetBreakerDialog subject={resetting} onClose={() => setResetting(null)} />}
    </Page>
  )
}

const Summary = ({ matrix }: { matrix: HealthMatrix }) => {
  const of = (...statuses: KeyHealth['status'][]) =>
    matrix.systemKeys.filter(({ status }) => statuses.includes(status)).length
  const pausedServices = matrix.services.filter(isPaused).length
  const pausedKeys = matrix.systemKeys.filter(isPaused).length
  const own = matrix.services.reduce((sum, { ownKeys }) => sum + ownKeys.attention, 0)
  return (
    <Stats>
      <Stat
        label="Paused services"
        value={count(pausedServices)}
        note={`of ${counted(matrix.services.length, 'service')}`}
      />
      <Stat
        label="Paused system keys"
        value={count(pausedKeys)}
        note={`of ${counted(matrix.systemKeys.length, 'key')}`}
      />
      <Stat
        label="Keys at fault"
        value={count(of('invalid', 'exhausted', 'suspected'))}
        note={`${count(of('cooling'))} cooling down`}
      />
      <Stat label="Users’ keys at fault" value={count(own)} note="Their owners are told" />
    </Stats>
  )
}

const Matrix = (props: { rows: readonly ServiceRow[]; onReset: (subject: ResetSubject) => void }) => {
  const columns: readonly Column<ServiceRow>[] = [
    {
      key: 'service',
      header: 'Service',
      render: (row) => <ServiceCell row={row} onReset={props.onReset} />,
    },
    ...priorities.map((priority) => ({
      key: `priority${priority}`,
      header: priorityName(priority) ?? '',
      render: (row: ServiceRow) => (
        <KeyCells
          keys={row.keys.filter((key) => key.priority === priority)}
          service={row.name}
          onReset={props.onReset}
        />
      ),
    })),
    { key: 'own', header: 'Users’ keys', render: (row) => <OwnKeys row={row} /> },
  ]
  if (props.rows.length === 0)
    return (
      <EmptyState title="No service is in use yet">
        Add a system key, or let users add their own: their health shows here.
      </EmptyState>
    )
  return (
    <div className={classes.matrix}>
      <DataTable
        label="Health of services and system keys"
        rows={props.rows}
        rowKey={(row) => row.serviceId}
        columns={columns}
      />
    </div>
  )
}

const ServiceCell = ({ row, onReset }: { row: ServiceRow; onReset: (subject: ResetSubject) => void }) => (
  <div className={classes.cell}>
    <span className={classes.name}>
      <ServiceTile name={row.name} small />
      {row.name}
    </span>
    <BreakerMark state={row.state} plain />
    <BreakerFacts
      of={row}
      name={row.name}
      onReset={() => onReset({ name: row.name, body: { serviceId: row.serviceId } })}
    />
  </div>
)

const KeyCells = (props: {
  keys: readonly KeyHealth[]
  service: string
  onReset: (subject: ResetSubject) => void
}) =>
  props.keys.length === 0 ? (
    <span className={classes.none}>No key</span>
  ) : (
    <ul className={classes.keys}>
      {props.keys.map((key) => (
        <li key={key.serviceKeyId} className={classes.cell} aria-label={`${props.service}, ${key.label}`}>
          <span className={classes.label}>
            {key.label} <SecretTail lastFour={key.lastFour} />
          </span>
          {(key.status === 'active' || isPaused(key)) && <BreakerMark state={key.state} plain />}
          <KeyTrouble serviceKey={key} />
          <BreakerFacts
            of={key}
            name={key.label}
            onReset={() =>
              props.onReset({
                name: `${props.service}, ${key.label}`,
                body: { serviceKeyId: key.serviceKeyId },
              })
            }
          />
        </li>
      ))}
    </ul>
  )

/** Since when, when next, how many failed; and the way out. */
const BreakerFacts = (props: {
  of: Pick<KeyHealth, 'state' | 'since' | 'nextProbeAt' | 'calls' | 'failures'>
  name: string
  onReset: () => void
}) => {
  const { state, since, nextProbeAt } = props.of
  const now = useNow()
  return (
    <>
      <span className={classes.quiet}>{failureText(props.of)}</span>
      {state !== 'closed' && (
        <>
          <span className={classes.quiet}>
            since <Ago at={since} />
            {state === 'open' && nextProbeAt !== null && <>, next try {soon(nextProbeAt, now)}</>}
            {state === 'half_open' && ', the next call tries'}
          </span>
          <Button size="compact-xs" variant="default" onClick={props.onReset}>
            Reset<span className="visually-hidden"> {props.name}</span>
          </Button>
        </>
      )}
    </>
  )
}

const KeyTrouble = ({ serviceKey: key }: { serviceKey: KeyHealth }) => {
  const { recheck } = useSystemKeyActions()
  if (key.status === 'active') return null
  const checkable = key.status === 'invalid' || key.status === 'exhausted' || key.status === 'suspected'
  return (
    <>
      <KeyTroubleMark status={key.status} />
      {key.statusReason !== null && <span className={classes.quiet}>{key.statusReason}</span>}
      {key.status === 'cooling' && key.coolingUntil !== null && (
        <span className={classes.quiet}>
          until <Ago at={key.coolingUntil} />
        </span>
      )}
      {checkable && key.recheckAfter !== null && (
        <span className={classes.quiet}>
          checked again <Ago at={key.recheckAfter} />
        </span>
      )}
      {checkable && (
        <Button
          size="compact-xs"
          variant="default"
          loading={recheck.isPending}
          onClick={() =>
            recheck.mutate(
              { id: key.serviceKeyId },
              {
                onSuccess: (checked) =>
                  tellDone(`“${checked.label}”: ${checked.verdictDetail ?? checked.verdict}`),
                onError: tellFault,
              },
            )
          }
        >
          Check now<span className="visually-hidden"> {key.label}</span>
        </Button>
      )}
    </>
  )
}

const OwnKeys = ({ row: { ownKeys } }: { row: ServiceRow }) => {
  if (ownKeys.total === 0) return <span className={classes.none}>None</span>
  return (
    <span className={classes.cell}>
      {counted(ownKeys.total, 'key')}
      {ownKeys.attention > 0 && <span className={classes.quiet}>{count(ownKeys.attention)} at fault</span>}
      {ownKeys.cooling > 0 && <span className={classes.quiet}>{count(ownKeys.cooling)} cooling down</span>}
    </span>
  )
}

const Legend = () => (
  <p className={classes.legend}>
    <strong>Working</strong>: called. <strong>Paused</strong>: too many calls failed, so it is left alone
    until the next try (its circuit breaker is open). <strong>On trial</strong>: one call tries it, and
    decides. Meanwhile calls go to the next key or service.{' '}
    <TextLink>
      <Link to="/admin/system-keys">System keys</Link>
    </TextLink>
  </p>
)
