import { UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react'
import type { AlertOnWire } from '../../src/contract/alerts.ts'
import { Ago } from '../ui/figures.tsx'
import classes from './alerts.module.css'

const symbols = { info: IconInfoCircle, warning: IconAlertTriangle, critical: IconCircleX } as const
const severities = { info: 'Information', warning: 'Warning', critical: 'Critical' } as const

/** One alert; its title leads to what it is about. */
export const AlertRow = (props: {
  alert: AlertOnWire
  onOpen: (alert: AlertOnWire) => void
  onRead: (alert: AlertOnWire) => void
}) => {
  const { alert } = props
  const Symbol = symbols[alert.severity]
  const isUnread = alert.readAt === null
  return (
    <li className={classes.row}>
      <Symbol className={classes.symbol} data-severity={alert.severity} size={17} stroke={1.8} aria-hidden />
      {alert.path === null ? (
        <p className={classes.title} data-unread={isUnread || undefined}>
          <Said alert={alert} />
        </p>
      ) : (
        <button
          type="button"
          className={classes.title}
          data-unread={isUnread || undefined}
          onClick={() => props.onOpen(alert)}
        >
          <Said alert={alert} />
        </button>
      )}
      {isUnread ? <span className={classes.dot} aria-hidden /> : <span />}
      <p className={classes.text}>{alert.text}</p>
      <p className={classes.foot}>
        <Ago at={alert.createdAt} />
        {isUnread && (
          <UnstyledButton fz="inherit" td="underline" onClick={() => props.onRead(alert)}>
            Mark read<span className="visually-hidden">: {alert.title}</span>
          </UnstyledButton>
        )}
      </p>
    </li>
  )
}

const Said = ({ alert }: { alert: AlertOnWire }) => (
  <>
    <span className="visually-hidden">
      {severities[alert.severity]}
      {alert.readAt === null && ', unread'}:{' '}
    </span>
    {alert.title}
  </>
)
