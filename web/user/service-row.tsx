import { Button, UnstyledButton } from '@mantine/core'
import { IconChevronRight, IconClock, IconLock } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useId, useState } from 'react'
import type { ServiceHealth } from '../../src/contract/health.ts'
import { may } from '../../src/contract/permissions.ts'
import type { AccessRequest } from '../../src/contract/requests.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import { useMe } from '../data/session.ts'
import { taskName } from '../data/words.ts'
import { useDeciders } from '../requests/deciders.ts'
import { AskedWords } from '../requests/request-state.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { CoverageMark, HealthMark, ServiceTile } from '../ui/mark.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './services.module.css'

/** One service on one line: what it does, where one stands with it. The rest is behind its name. */
export const ServiceRow = (props: {
  service: Service
  health: ServiceHealth | undefined
  onAdd: () => void
  /** Absent where it makes no sense to ask. */
  onAsk: (() => void) | undefined
  /** What was asked for last. */
  asked: AccessRequest | undefined
  /** Stored keys of the service. */
  children: ReactNode
}) => {
  const { service, health, asked } = props
  const [open, setOpen] = useState(false)
  const details = useId()
  const failing = health !== undefined && health.state !== 'closed'
  return (
    <li className={classes.row} aria-label={service.name}>
      <div className={classes.head}>
        <UnstyledButton
          className={classes.name}
          aria-expanded={open}
          aria-controls={details}
          onClick={() => setOpen(!open)}
        >
          <IconChevronRight className={classes.chevron} size={14} stroke={2} aria-hidden />
          <ServiceTile name={service.name} />
          <span className={classes.nameWords}>
            <span className={classes.nameText}>{service.name}</span>
            <span className={classes.tasks}>{service.tasks.map(taskName).join(', ')}</span>
          </span>
        </UnstyledButton>
        <span className={classes.standing}>
          {failing && <HealthMark state={health.state} />}
          <CoverageMark status={service.coverage.status} owner={service.coverage.keyOwner} />
        </span>
        <span className={classes.act}>
          {service.mayManageKey ? (
            <Button
              variant="default"
              size="compact-sm"
              onClick={props.onAdd}
              aria-label={`Add key for ${service.name}`}
            >
              Add key
            </Button>
          ) : asked?.state === 'open' ? (
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconClock size={14} aria-hidden />}
              aria-label={`Asked for ${service.name}`}
              renderRoot={(root) => <Link to="/requests" {...root} />}
            >
              Asked
            </Button>
          ) : props.onAsk ? (
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconLock size={14} aria-hidden />}
              title={service.mayNotBecause ?? undefined}
              onClick={props.onAsk}
              aria-label={`Ask for ${service.name}`}
            >
              Ask
            </Button>
          ) : (
            <span className={classes.managed} title={service.mayNotBecause ?? undefined}>
              <IconLock size={14} aria-hidden /> Managed
            </span>
          )}
        </span>
      </div>
      <div id={details} className={classes.details} hidden={!open}>
        {open && <Details service={service} health={health} asked={asked} />}
      </div>
      <div className={classes.keys}>{props.children}</div>
    </li>
  )
}

/** Where something of the organisation's may be what stands in the way, and somebody can be asked. */
const isLocked = ({ coverage, mayManageKey }: Service): boolean =>
  !mayManageKey || (coverage.status === 'not_covered' && coverage.next !== null)

/** Not for those who decide themselves. */
const Deciders = () => (may(useMe().role, 'policy.change') ? null : <DeciderNames />)

const DeciderNames = () => {
  const { name } = useMe().organization
  const deciders = useDeciders()
  return deciders && <p>{`What ${name} allows is decided by ${deciders}.`}</p>
}

const Details = ({
  service,
  health,
  asked,
}: {
  service: Service
  health: ServiceHealth | undefined
  asked: AccessRequest | undefined
}) => (
  <>
    <p className={classes.tasksBelow}>{service.tasks.map(taskName).join(', ')}</p>
    <p>
      {service.coverage.reason} {service.coverage.next}
    </p>
    {!service.mayManageKey && service.mayNotBecause && <p>{service.mayNotBecause}</p>}
    {isLocked(service) && <Deciders />}
    {service.exception && (
      <p>
        Your organisation manages the keys of this service; by an exception you may have your own
        {service.exception.expiresAt !== null && (
          <>
            {' '}
            until <Moment at={service.exception.expiresAt} />
          </>
        )}
        .
      </p>
    )}
    {(asked?.state === 'open' || asked?.state === 'declined') && (
      <AskedWords request={asked} name={service.name} />
    )}
    {health && <HealthWords health={health} />}
    <p className={classes.links}>
      <TextLink>
        <Link to="/operations" search={{ service: service.id }}>
          Operations
        </Link>
      </TextLink>
      <TextLink>
        <Link to="/models" search={{ service: service.id }}>
          Models
        </Link>
      </TextLink>
      <TextLink>
        <a href={service.docsUrl} target="_blank" rel="noreferrer">
          Documentation
        </a>
      </TextLink>
      {service.keysUrl && (
        <TextLink>
          <a href={service.keysUrl} target="_blank" rel="noreferrer">
            Get a key
          </a>
        </TextLink>
      )}
    </p>
  </>
)

const HealthWords = ({ health }: { health: ServiceHealth }) => {
  if (health.state === 'half_open')
    return <p>It failed lately; one call at a time now tries whether it is back.</p>
  if (health.state === 'open')
    return (
      <p>
        It has been failing and is left alone since <Ago at={health.since} />
        {health.nextProbeAt && (
          <>
            ; tried again <Ago at={health.nextProbeAt} />
          </>
        )}
        . Calls go to other services meanwhile, where your preference allows it.
      </p>
    )
  if (health.calls === 0) return null
  return (
    <p>
      {health.failures} of about {health.calls} calls of the last minute failed, on all of this installation.
    </p>
  )
}
