import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useReorder } from '../data/reorder.ts'
import type { KeyTask } from '../keys/key-dialogs.tsx'
import { KeyRow } from '../keys/key-row.tsx'
import { priorityName } from '../ui/mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { moved, priorities } from './key-order.ts'
import classes from './system-keys.module.css'

type Step = -1 | 1
const buttonId = (id: string, step: Step): string => `move-${step === -1 ? 'up' : 'down'}-${id}`

/** The keys of one service in the order they are tried; arrows move a key through it, across priorities too. */
export const PriorityLanes = (props: {
  service: Service
  keys: readonly ServiceKey[]
  actions: KeyActions
  onTask: (task: KeyTask) => void
}) => {
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
  const move = (key: ServiceKey, step: Step) => {
    const next = moved(keys, key.id, step)
    if (next === null) return
    const priority = next.find((each) => each.id === key.id)?.priority ?? null
    refocus.current = { button: buttonId(key.id, step), before: keys }
    reorder.mutate({ serviceId: service.id, keys: next }, { onError: tellFault })
    setSaid(
      `${key.label} is now ${priorityName(priority)}, number ${next.findIndex((each) => each.id === key.id) + 1}.`,
    )
    if (priority !== key.priority)
      tellDone(`“${key.label}” is now ${priorityName(priority)}.`, () =>
        reorder.mutateAsync({ serviceId: service.id, keys }),
      )
  }
  return (
    <div className={classes.lanes}>
      {priorities.map((priority) => {
        const lane = keys.filter((key) => key.priority === priority)
        return (
          <section
            key={priority}
            className={classes.lane}
            aria-label={`${service.name}, ${priorityName(priority)}`}
          >
            <h3 className={classes.laneName}>{priorityName(priority)}</h3>
            <div className={classes.laneKeys}>
              {lane.length === 0 && <p className={classes.none}>No key</p>}
              {lane.map((key) => (
                // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- catches keys that bubble from the row's buttons
                <div key={key.id} onKeyDown={(event) => moveByKeyboard(event, (step) => move(key, step))}>
                  <KeyRow
                    serviceKey={key}
                    actions={props.actions}
                    mayManage
                    onTask={props.onTask}
                    controls={<MoveButtons serviceKey={key} keys={keys} onMove={(step) => move(key, step)} />}
                  />
                </div>
              ))}
            </div>
          </section>
        )
      })}
      <output className="visually-hidden">{said}</output>
    </div>
  )
}

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
