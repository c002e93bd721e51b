import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconGauge, IconStack2 } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useReorder } from '../data/reorder.ts'
import type { KeyTask } from '../keys/key-dialogs.tsx'
import { KeyRow } from '../keys/key-row.tsx'
import { priorityName } from '../ui/mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { moved, movedTo, priorities } from './key-order.ts'
import { SystemKeyLimitLine } from './system-key-limits.tsx'
import classes from './system-keys.module.css'

type Step = -1 | 1
const buttonId = (id: string, step: Step): string => `move-${step === -1 ? 'up' : 'down'}-${id}`

interface LanesProps {
  readonly service: Service
  readonly keys: readonly ServiceKey[]
  readonly actions: KeyActions
  readonly onTask: (task: KeyTask) => void
  readonly onLimit: (key: ServiceKey) => void
}

/** The keys of one service in the order they are tried; arrows move a key through it, across priorities too. */
export const PriorityLanes = (props: LanesProps) => {
  const { keys, service } = props
  const reorder = useReorder()
  const [said, setSaid] = useState('')
  // A moved row is a moved DOM node, which loses the focus: it is given back after the move was drawn.
  const refocus = useRef<{ button: string; before: readonly ServiceKey[] } | null>(null)
  useEffect(() => {
    if (refocus.current === null || refocus.current.before === keys) return
    document.getElementById(refocus.current.button)?.focus()
    refocus.current = null
  })
  const put = (key: ServiceKey, next: ServiceKey[] | null) => {
    if (next === null) return
    const place = next.findIndex((each) => each.id === key.id)
    const priority = next[place]?.priority ?? null
    void reorder.mutateAsync({ serviceId: service.id, keys: next }).then(() => {
      setSaid(`${key.label} is now ${priorityName(priority)}, number ${place + 1}.`)
      if (priority !== key.priority)
        tellDone(`“${key.label}” is now ${priorityName(priority)}.`, () =>
          reorder.mutateAsync({ serviceId: service.id, keys }),
        )
    }, tellFault)
  }
  const step = (key: ServiceKey, by: Step) => {
    refocus.current = { button: buttonId(key.id, by), before: keys }
    put(key, moved(keys, key.id, by))
  }
  return (
    <div className={classes.lanes}>
      {priorities.map((priority) => (
        <Lane key={priority} {...props} priority={priority} onPut={put} onStep={step} />
      ))}
      <output className="visually-hidden">{said}</output>
    </div>
  )
}

interface LaneProps extends LanesProps {
  readonly priority: number
  readonly onPut: (key: ServiceKey, next: ServiceKey[] | null) => void
  readonly onStep: (key: ServiceKey, by: Step) => void
}

const Lane = (props: LaneProps) => {
  const lane = props.keys.filter((key) => key.priority === props.priority)
  const name = priorityName(props.priority)
  return (
    <section className={classes.lane} aria-label={`${props.service.name}, ${name}`}>
      <h3 className={classes.laneName}>{name}</h3>
      <div className={classes.laneKeys}>
        {lane.length === 0 && <p className={classes.none}>No key</p>}
        {lane.map((key) => (
          // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- catches keys that bubble from the row's buttons
          <div key={key.id} onKeyDown={(event) => moveByKeyboard(event, (by) => props.onStep(key, by))}>
            <KeyRow
              serviceKey={key}
              actions={props.actions}
              mayManage
              onTask={props.onTask}
              controls={
                <MoveButtons serviceKey={key} keys={props.keys} onMove={(by) => props.onStep(key, by)} />
              }
              menuItems={<KeyItems {...props} serviceKey={key} />}
            />
            <SystemKeyLimitLine id={key.id} />
          </div>
        ))}
      </div>
    </section>
  )
}

const KeyItems = (props: LaneProps & { serviceKey: ServiceKey }) => (
  <>
    <Menu.Item leftSection={<IconGauge size={15} />} onClick={() => props.onLimit(props.serviceKey)}>
      Rate limits
    </Menu.Item>
    <MoveItems {...props} />
  </>
)

const MoveItems = (props: LaneProps & { serviceKey: ServiceKey }) =>
  priorities
    .filter((other) => other !== props.priority)
    .map((other) => (
      <Menu.Item
        key={other}
        leftSection={<IconStack2 size={15} />}
        onClick={() => props.onPut(props.serviceKey, movedTo(props.keys, props.serviceKey.id, other))}
      >
        Move to {priorityName(other)}
      </Menu.Item>
    ))

/** Alt with an arrow moves the key whose row holds the focus. */
const moveByKeyboard = (event: KeyboardEvent, move: (step: Step) => void): void => {
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
  event.preventDefault()
  move(event.key === 'ArrowUp' ? -1 : 1)
}

const MoveButtons = (props: {
  serviceKey: ServiceKey
  keys: readonly ServiceKey[]
  onMove: (step: Step) => void
}) =>
  ([-1, 1] as const).map((step) => {
    const word = step === -1 ? 'earlier' : 'later'
    return (
      <Tooltip key={step} label={`Try ${word} (Alt ${step === -1 ? '↑' : '↓'})`}>
        <ActionIcon
          id={buttonId(props.serviceKey.id, step)}
          variant="subtle"
          color="gray"
          aria-label={`Try ${props.serviceKey.label} ${word}`}
          // Not `disabled`: a button that was just pressed must keep the focus at the end of the order.
          aria-disabled={moved(props.keys, props.serviceKey.id, step) === null}
          onClick={() => props.onMove(step)}
        >
          {step === -1 ? <IconArrowUp size={15} /> : <IconArrowDown size={15} />}
        </ActionIcon>
      </Tooltip>
    )
  })
