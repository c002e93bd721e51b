import { Button, Popover, UnstyledButton } from '@mantine/core'
import { IconBell } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { arePagesEmbedded } from '../data/call.ts'
import { counted } from '../ui/format.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { AlertRow } from './alert-row.tsx'
import classes from './alerts.module.css'
import { useAlertActs, useNewestAlerts } from './use-alerts.ts'

const most = 99

/** How many alerts are unread; pressed, the newest of them. None are shown inside another application. */
export const AlertBell = () => (arePagesEmbedded() ? null : <Bell />)

const Bell = () => {
  const [opened, setOpened] = useState(false)
  const alerts = useNewestAlerts()
  const unread = alerts.data?.unread ?? 0
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-start"
      trapFocus
      returnFocus
      shadow="none"
      zIndex={260}
    >
      <Popover.Target>
        <UnstyledButton
          className={classes.bell}
          aria-label={unread === 0 ? 'Alerts' : `Alerts, ${unread} unread`}
          onClick={() => setOpened(!opened)}
        >
          <IconBell size={19} stroke={1.7} aria-hidden />
          {unread > 0 && (
            <span className={classes.count} aria-hidden>
              {unread > most ? `${most}+` : unread}
            </span>
          )}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label="Alerts">
        {alerts.error && !alerts.data ? (
          <FaultNotice error={alerts.error} onRetry={() => void alerts.refetch()} />
        ) : (
          <Newest alerts={alerts.data} onClose={() => setOpened(false)} />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

const Newest = (props: { alerts: Reply<'listAlerts'> | undefined; onClose: () => void }) => {
  const acts = useAlertActs()
  const { alerts } = props
  return (
    <div className={classes.popover}>
      <div className={classes.popoverHead}>
        <h2 className={classes.popoverTitle}>Alerts</h2>
        {alerts && alerts.unread > 0 && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            loading={acts.isReadingAll}
            onClick={acts.readAll}
          >
            Mark all read
          </Button>
        )}
      </div>
      {!alerts || alerts.items.length === 0 ? (
        <p className={classes.none}>
          {alerts ? 'No alerts. Budgets and credits tell you here.' : 'Loading …'}
        </p>
      ) : (
        <ul className={classes.popoverList} aria-label="Newest alerts">
          {alerts.items.map((alert) => (
            <AlertRow
              key={alert.id}
              alert={alert}
              onRead={acts.read}
              onOpen={(chosen) => {
                acts.open(chosen)
                props.onClose()
              }}
            />
          ))}
        </ul>
      )}
      <div className={classes.popoverFoot}>
        <TextLink>
          <Link to="/alerts" onClick={props.onClose}>
            All alerts and where they go
          </Link>
        </TextLink>
      </div>
    </div>
  )
}

/** Says, without interrupting, that there is something new; once, however many bells there are. */
export const AlertAnnouncer = () => (arePagesEmbedded() ? null : <Announcer />)

const Announcer = () => {
  const alerts = useNewestAlerts()
  const unread = alerts.data?.unread ?? 0
  const newest = alerts.data?.items.find(({ readAt }) => readAt === null)
  return (
    <output className="visually-hidden" aria-live="polite">
      {unread > 0 && `${counted(unread, 'unread alert')}${newest ? `. Newest: ${newest.title}` : ''}`}
    </output>
  )
}
