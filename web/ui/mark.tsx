import {
  IconAlertTriangle,
  IconArrowsSplit,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClockPause,
  IconHeartbeat,
  IconPlugConnectedX,
  IconCoin,
  IconKey,
  IconLock,
  IconProgress,
  type Icon,
} from '@tabler/icons-react'
import type { ReactNode } from 'react'
import classes from './mark.module.css'

export type Tone = 'own' | 'shared' | 'credits' | 'bad' | 'quiet'

/** Meaning in words with a symbol; the colour only repeats it. */
export const Mark = (props: { tone: Tone; icon?: Icon; plain?: boolean; children: ReactNode }) => {
  const Symbol = props.icon
  return (
    <span className={classes.mark} data-tone={props.tone} data-plain={props.plain || undefined}>
      {Symbol && <Symbol className={classes.symbol} size={14} stroke={2} aria-hidden />}
      <span>{props.children}</span>
    </span>
  )
}

const coverages = {
  own_key: { tone: 'own', icon: IconKey, text: 'Own key' },
  system_credits: { tone: 'credits', icon: IconCoin, text: 'Credits' },
  alternative: { tone: 'shared', icon: IconArrowsSplit, text: 'Alternative' },
  not_covered: { tone: 'quiet', icon: IconCircleDashed, text: 'Not covered' },
  keys_only: { tone: 'quiet', icon: IconLock, text: 'Keys only' },
} as const

/** Where a user stands with a service. */
export const CoverageMark = (props: { status: keyof typeof coverages; owner?: string | null }) => {
  const { tone, icon, text } = coverages[props.status]
  return (
    <Mark tone={tone} icon={icon}>
      {props.status === 'own_key' && props.owner === 'organization' ? 'Organisation’s key' : text}
    </Mark>
  )
}

const servings = {
  own_key: { tone: 'own', icon: IconKey, text: 'Own key' },
  organization_key: { tone: 'shared', icon: IconKey, text: 'Organisation’s key' },
  credits: { tone: 'credits', icon: IconCoin, text: 'Credits' },
  not_available: { tone: 'quiet', icon: IconCircleDashed, text: 'Not available' },
} as const

/** What a call for a model would run on. */
export const ServedMark = (props: { by: keyof typeof servings }) => {
  const { tone, icon, text } = servings[props.by]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}

const healths = {
  closed: { tone: 'own', icon: IconCircleCheck, text: 'Healthy' },
  open: { tone: 'bad', icon: IconPlugConnectedX, text: 'Failing' },
  half_open: { tone: 'credits', icon: IconHeartbeat, text: 'Coming back' },
} as const

/** Whether a service or key answers: the state of its circuit breaker. */
export const HealthMark = (props: { state: keyof typeof healths; plain?: boolean }) => {
  const { tone, icon, text } = healths[props.state]
  return (
    <Mark tone={tone} icon={icon} plain={props.plain ?? false}>
      {text}
    </Mark>
  )
}

const operationStatuses = {
  succeeded: { tone: 'own', icon: IconCircleCheck, text: 'Succeeded' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
  refused: { tone: 'credits', icon: IconLock, text: 'Refused' },
  cancelled: { tone: 'quiet', icon: IconCircleDashed, text: 'Cancelled' },
  interrupted: { tone: 'bad', icon: IconAlertTriangle, text: 'Interrupted' },
} as const

export const OperationMark = (props: { status: keyof typeof operationStatuses }) => {
  const { tone, icon, text } = operationStatuses[props.status]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}

const keyStatuses = {
  active: { tone: 'own', icon: IconCircleCheck, text: 'Active' },
  cooling: { tone: 'credits', icon: IconClockPause, text: 'Cooling down' },
  invalid: { tone: 'bad', icon: IconCircleX, text: 'Refused' },
  exhausted: { tone: 'bad', icon: IconAlertTriangle, text: 'Out of quota' },
  suspended: { tone: 'quiet', icon: IconLock, text: 'Suspended by policy' },
  revoked: { tone: 'quiet', icon: IconCircleDashed, text: 'Revoked' },
} as const

const unproven = { tone: 'quiet', icon: IconProgress, text: 'Not proven yet' } as const
const restricted = { tone: 'credits', icon: IconAlertTriangle, text: 'Accepted, restricted' } as const

/** A key's status; an active one is only called so once its service has accepted it. */
export const KeyMark = (props: { status: keyof typeof keyStatuses; verdict: string }) => {
  const proven = keyStatuses[props.status]
  const shown =
    props.status !== 'active' || props.verdict === 'valid'
      ? proven
      : props.verdict === 'valid_but_unusable'
        ? restricted
        : unproven
  return (
    <Mark tone={shown.tone} icon={shown.icon} plain>
      {shown.text}
    </Mark>
  )
}

const owners = {
  user: { tone: 'own', icon: IconKey, text: 'Own key' },
  organization: { tone: 'shared', icon: IconKey, text: 'Organisation’s key' },
  system: { tone: 'credits', icon: IconCoin, text: 'System key' },
} as const

export const priorityName = (priority: number | null | undefined): string | null =>
  priority === 1 ? 'Primary' : priority === 2 ? 'Secondary' : priority === 3 ? 'Tertiary' : null

/** Whose key an operation ran on. */
export const OwnerMark = (props: { owner: keyof typeof owners | null; priority?: number | null }) => {
  if (!props.owner) return <span className={classes.none}>No key</span>
  const { tone, icon, text } = owners[props.owner]
  const priority = props.owner === 'system' ? priorityName(props.priority) : null
  return (
    <Mark tone={tone} icon={icon} plain>
      {priority ? `System · ${priority}` : text}
    </Mark>
  )
}

/** A tile with the service's initials: no foreign logos to keep up with or to license. */
export const ServiceTile = (props: { name: string; small?: boolean }) => (
  <span className={classes.tile} data-small={props.small || undefined} aria-hidden>
    {initials(props.name)}
  </span>
)

const initials = (name: string): string => {
  const capitals = name.replace(/[^A-Z]/g, '')
  return capitals.length >= 2 ? capitals.slice(0, 2) : name.slice(0, 2)
}

/** What a person may see of a secret. */
export const SecretTail = (props: { lastFour: string }) => (
  <code className={classes.tail}>
    <span aria-hidden>••••</span>
    <span className="visually-hidden">ends in </span>
    {props.lastFour}
  </code>
)
