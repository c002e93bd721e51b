import { Drawer } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useManagedRotationActions } from '../../data/rotation-actions.ts'
import { useRead } from '../../data/queries.ts'
import { useNow, useTimeZone } from '../../ui/figures.tsx'
import { count } from '../../ui/format.ts'
import { Block, Loaded } from '../../ui/notice.tsx'
import { Page, Stat, Stats } from '../../ui/page.tsx'
import { TabCount, ViewTabs } from '../../ui/view-tabs.tsx'
import { RotationView } from '../rotation-detail.tsx'
import { standOf } from '../rotation-words.ts'
import { KeyName } from '../rotations-table.tsx'
import classes from '../rotation.module.css'
import { Credentials } from './credentials.tsx'
import { DueCalendar } from './due-calendar.tsx'
import { History } from './history.tsx'
import { Keys } from './keys.tsx'
import { UnderWay } from './under-way.tsx'

const route = getRouteApi('/shell/admin/rotation')

const views = [
  { show: undefined, label: 'Under way' },
  { show: 'calendar', label: 'Calendar' },
  { show: 'keys', label: 'Keys and schedules' },
  { show: 'credentials', label: 'Credentials' },
  { show: 'history', label: 'History' },
] as const

const dayMilliseconds = 86_400_000

/** Which keys are rotated when, what is under way, and what waits for a person. */
export const RotationCentre = () => {
  const { show, rotation } = route.useSearch()
  const zone = useTimeZone()
  const navigate = useNavigate({ from: '/admin/rotation' })
  const open = useRead('listRotations', { query: { state: 'open', limit: 200 } }, { refreshSeconds: 3 })
  const keys = useRead('listKeyRotations', {}, { refreshSeconds: 20 })
  const waiting = open.data?.items.filter((each) => standOf(each) === 'waits') ?? []
  const show1 = (id: string) => void navigate({ search: (now) => ({ ...now, rotation: id }) })
  return (
    <Page
      title="Rotation"
      description={`A new key is made and proven before the old one goes, so no operation is left without one. Times in ${zone}.`}
    >
      <Summary keys={keys.data?.items} waiting={open.data && waiting.length} open={open.data?.items.length} />
      <ViewTabs label="Views of rotation">
        {views.map((view) => (
          <Link
            key={view.label}
            to="/admin/rotation"
            search={{ show: view.show }}
            aria-current={show === view.show ? 'page' : undefined}
          >
            {view.label}
            {view.show === undefined && <TabCount of={waiting.length} />}
          </Link>
        ))}
      </ViewTabs>
      {show === undefined && (
        <Loaded of={open} skeleton={<Block height={320} narrow={520} />}>
          {({ items }) => <UnderWay rotations={items} openKey={rotation} onOpen={show1} />}
        </Loaded>
      )}
      {show === 'calendar' && (
        <Loaded of={keys} skeleton={<Block height={560} narrow={320} />}>
          {({ items }) => <DueCalendar keys={items} />}
        </Loaded>
      )}
      {show === 'keys' && (
        <Loaded of={keys} skeleton={<Block height={560} narrow={900} />}>
          {({ items }) => <Keys keys={items} />}
        </Loaded>
      )}
      {show === 'credentials' && <Credentials />}
      {show === 'history' && <History openKey={rotation} onOpen={show1} />}
      <RotationDrawer
        id={rotation}
        onClose={() => void navigate({ search: (now) => ({ ...now, rotation: undefined }), replace: true })}
      />
    </Page>
  )
}

const Summary = (props: {
  keys: readonly { dueAt: string | null; isOverdue: boolean }[] | undefined
  waiting: number | undefined
  open: number | undefined
}) => {
  const soon = useNow().getTime() + 30 * dayMilliseconds
  const figure = (value: number | undefined): ReactNode => (value === undefined ? '–' : count(value))
  const due = props.keys?.filter(({ dueAt }) => dueAt !== null && Date.parse(dueAt) < soon).length
  const unplanned = props.keys?.filter(({ dueAt }) => dueAt === null).length
  return (
    <Stats>
      <Stat
        lead
        label="Waiting for a person"
        value={figure(props.waiting)}
        note={props.waiting === 0 ? 'Nothing to do' : 'See what to do below'}
      />
      <Stat label="Under way" value={figure(props.open)} note="Waiting ones included" />
      <Stat
        label="Due in 30 days"
        value={figure(due)}
        note={unplanned === undefined ? '' : `${count(unplanned)} without a schedule`}
      />
      <Stat
        label="Too old"
        value={figure(props.keys?.filter(({ isOverdue }) => isOverdue).length)}
        note="By policy of their organisation"
      />
    </Stats>
  )
}

const RotationDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const actions = useManagedRotationActions()
  const detail = useRead(
    'readRotation',
    { params: { id: props.id ?? '' } },
    { enabled: props.id !== undefined, refreshSeconds: 2 },
  )
  return (
    <Drawer opened={props.id !== undefined} onClose={props.onClose} title="Rotation" size={560}>
      {props.id !== undefined && (
        <Loaded of={detail} skeleton={<Block height={420} />}>
          {(data) => (
            <div className={classes.column}>
              <Link className={classes.plainLink} to="/admin/keys/$id" params={{ id: data.key.id }}>
                <KeyName of={data.key} />
              </Link>
              <RotationView of={data} detail={data} settings={{}} actions={actions} />
            </div>
          )}
        </Loaded>
      )}
    </Drawer>
  )
}
