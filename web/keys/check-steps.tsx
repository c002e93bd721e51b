import { Button, Loader } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { KeyCheck, Service, Verdict } from '../../src/contract/service-keys.ts'
import classes from './keys.module.css'

/** What is known about a pasted key so far: its shape, known offline, and the service's own word. */
export const CheckSteps = (props: {
  service: Service | undefined
  recognized: readonly Service[]
  busy: boolean
  checked: KeyCheck | null
  onSwitch: (serviceId: string) => void
}) => (
  <ol className={classes.steps} aria-live="polite">
    <ShapeStep {...props} />
    <LiveStep {...props} />
  </ol>
)

const Step = (props: { symbol: ReactNode; children: ReactNode }) => (
  <li className={classes.step}>
    <span className={classes.stepSymbol}>{props.symbol}</span>
    <div>{props.children}</div>
  </li>
)

const symbol = {
  good: <IconCircleCheck size={16} color="var(--own)" aria-hidden />,
  careful: <IconAlertTriangle size={16} color="var(--credits)" aria-hidden />,
  bad: <IconCircleX size={16} color="var(--bad)" aria-hidden />,
  waiting: <IconCircleDashed size={16} color="var(--ink-3)" aria-hidden />,
}

const ShapeStep = (props: {
  service: Service | undefined
  recognized: readonly Service[]
  onSwitch: (serviceId: string) => void
}) => {
  const { service, recognized } = props
  const other = recognized.length === 1 && recognized[0]?.id !== service?.id ? recognized[0] : undefined
  if (service && recognized.some((each) => each.id === service.id))
    return <Step symbol={symbol.good}>The shape is that of {article(service.name)} key.</Step>
  if (other)
    return (
      <Step symbol={symbol.careful}>
        This looks like {article(other.name)} key.{' '}
        <Button size="compact-xs" variant="light" onClick={() => props.onSwitch(other.id)}>
          Use it for {other.name}
        </Button>
      </Step>
    )
  if (!service) return <Step symbol={symbol.waiting}>The shape is not known here; choose the service.</Step>
  return (
    service.keyHint && (
      <Step symbol={symbol.waiting}>The shape says nothing about this service; the check will.</Step>
    )
  )
}

const article = (name: string): string => (/^[AEIOU]/i.test(name) ? `an ${name}` : `a ${name}`)

const verdicts: Record<Verdict, { symbol: ReactNode; title: string }> = {
  valid: { symbol: symbol.good, title: 'Accepted.' },
  valid_but_unusable: { symbol: symbol.careful, title: 'Known, but not usable as it is.' },
  unknown: { symbol: symbol.careful, title: 'Not proven.' },
  invalid: { symbol: symbol.bad, title: 'Refused.' },
}

const LiveStep = (props: { service: Service | undefined; busy: boolean; checked: KeyCheck | null }) => {
  if (props.busy)
    return (
      <Step symbol={<Loader size={14} aria-hidden />}>Asking {props.service?.name ?? 'the service'}…</Step>
    )
  if (!props.checked) return <Step symbol={symbol.waiting}>Not checked yet. The check uses up nothing.</Step>
  const shown = verdicts[props.checked.verdict]
  return (
    <Step symbol={shown.symbol}>
      <strong>{shown.title}</strong> {props.checked.detail}
    </Step>
  )
}
