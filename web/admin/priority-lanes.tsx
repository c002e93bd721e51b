import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconGauge, IconGripVertical, IconStack2 } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import { CallFault } from '../data/call.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useReorder } from '../data/reorder.ts'
import type { KeyTask } from '../keys/key-dialogs.tsx'
import { KeyRow } from '../keys/key-row.tsx'
import { priorityName } from '../ui/mark.tsx'
import { Notice } from '../ui/notice.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { moved, movedTo, type Place, placed, placeOf, priorities } from './key-order.ts'
import { SystemKeyLimitLine } from './system-key-limits.tsx'
import classes from './priority-lanes.module.css'
import { type Held, useKeyDrag } from './use-key-drag.ts'
import { handleId, placeWords, useKeyGrab } from './use-key-grab.ts'

type Step = -1 | 1
const buttonId = (id: string, step: Step): string => `move-${step === -1 ? 'up' : 'down'}-${id}`
const instructionsId = 'how-keys-are-moved'

interface LanesProps {
  readonly service: Service
  readonly keys: readonly ServiceKey[]
  readonly actions: KeyActions
  readonly onTask: (task: KeyTask) => void
  readonly onLimit: (key: ServiceKey) => void
}

/** What was wanted of keys that had changed by then. */
interface Refused {
  readonly id: string
  readonly label: string
  readonly place: Place
}

/** The keys of one service in the order they are tried: dragged, grabbed by the keyboard, or moved step by step. */
export const PriorityLanes = (props: LanesProps) => {
  const { keys, service } = props
  const reorder = useReorder(service.id)
  const [said, setSaid] = useState('')
  const [refused, setRefused] = useState<Refused | null>(null)
  const list = useRef<HTMLDivElement | null>(null)
  // A moved row is a moved DOM node, which loses the focus: it is given back after the move was drawn.
  const refocus = useRef<{ id: string; by: Step; before: string } | null>(null)
  useEffect(() => {
    const wanted = refocus.current
    if (wanted === null || wanted.before === placeWords(keys, wanted.id)) return
    document.getElementById(buttonId(wanted.id, wanted.by))?.focus()
    refocus.current = null
  })
  const put = async (id: string, next: ServiceKey[] | null): Promise<void> => {
    const key = keys.find((each) => each.id === id)
    const place = next && placeOf(next, id)
    if (!key || !next || !place) return
    setRefused(null)
    setSaid(`${key.label}: ${placeWords(next, id)}.`)
    await reorder.mutateAsync({ serviceId: service.id, keys: next }).then(
      () =>
        tellDone(
          `“${key.label}” is now ${placeWords(next, id)}.`,
          () => reorder.mutateAsync({ serviceId: service.id, keys }),
          `order-${service.id}`,
        ),
      (error) => {
        refocus.current = null
        if (error instanceof CallFault && error.code === 'conflict')
          setRefused({ id, label: key.label, place })
        else tellFault(error)
      },
    )
  }
  const drag = useKeyDrag(list, (id, place) => void put(id, placed(keys, id, place)))
  const grab = useKeyGrab(keys, setSaid, put)
  const step = ({ id }: ServiceKey, by: Step) => {
    const next = moved(keys, id, by)
    if (next) refocus.current = { id, by, before: placeWords(keys, id) }
    void put(id, next)
  }
  return (
    <div
      ref={list}
      data-dragging={drag.held !== null || undefined}
      className={classes.lanes}
      {...drag.handlers}
    >
      {refused && (
        <Conflict
          refused={refused}
          service={service}
          again={placed(keys, refused.id, refused.place)}
          onAgain={(id, next) => void put(id, next)}
          onClose={() => setRefused(null)}
        />
      )}
      {priorities.map((priority) => (
        <Lane
          key={priority}
          {...props}
          keys={grab.order}
          priority={priority}
          held={drag.held}
          grabbedId={grab.grabbedId}
          onPress={drag.press}
          onGrab={grab.click}
          onPut={(id, next) => void put(id, next)}
          onStep={step}
        />
      ))}
      {drag.held && <Ghost held={drag.held} keys={keys} />}
      <p id={instructionsId} className="visually-hidden">
        Press space to take the key, arrows to move it through the priorities, space to put it down, escape to
        put it back.
      </p>
      <output className="visually-hidden" aria-live="assertive">
        {said}
      </output>
    </div>
  )
}

const Conflict = (props: {
  refused: Refused
  service: Service
  again: ServiceKey[] | null
  onAgain: (id: string, next: ServiceKey[]) => void
  onClose: () => void
}) => {
  const { refused, again } = props
  return (
    <div className={classes.conflict}>
      <Notice
        tone="warning"
        live
        title={`The keys of ${props.service.name} had changed meanwhile: “${refused.label}” was not moved`}
        action={
          <span className={classes.conflictButtons}>
            {again && (
              <Button size="compact-sm" variant="default" onClick={() => props.onAgain(refused.id, again)}>
                Move it now
              </Button>
            )}
            <Button size="compact-sm" variant="subtle" color="gray" onClick={props.onClose}>
              Dismiss
            </Button>
          </span>
        }
      >
        This is the order as it is now.
      </Notice>
    </div>
  )
}

/** What is held, under the pointer. */
const Ghost = ({ held, keys }: { held: Held; keys: readonly ServiceKey[] }) => {
  const key = keys.find((each) => each.id === held.id)
  const next = held.place && (placed(keys, held.id, held.place) ?? keys)
  return (
    <div
      className={classes.ghost}
      style={{ transform: `translate(${held.x + 14}px, ${held.y + 10}px)` }}
      aria-hidden
    >
      <strong>{key?.label}</strong>
      <span>{next ? placeWords(next, held.id) : 'Stays where it is'}</span>
    </div>
  )
}

interface LaneProps extends LanesProps {
  readonly priority: number
  readonly held: Held | null
  readonly grabbedId: string | null
  readonly onPress: ReturnType<typeof useKeyDrag>['press']
  readonly onGrab: (id: string) => void
  readonly onPut: (id: string, next: ServiceKey[] | null) => void
  readonly onStep: (key: ServiceKey, by: Step) => void
}

const Lane = (props: LaneProps) => {
  const lane = props.keys.filter((key) => (key.priority ?? 3) === props.priority)
  const name = priorityName(props.priority)
  const drop = props.held?.place?.priority === props.priority ? props.held : null
  const others = lane.filter((key) => key.id !== drop?.id)
  const index = drop?.place?.index ?? 0
  return (
    <section
      className={classes.lane}
      data-lane={props.priority}
      data-over={drop !== null || undefined}
      aria-label={`${props.service.name}, ${name}`}
    >
      <h3 className={classes.laneName}>{name}</h3>
      <div className={classes.laneKeys}>
        {lane.length === 0 && <p className={classes.none}>{drop ? 'Here' : 'No key'}</p>}
        {lane.map((key) => (
          <Row
            key={key.id}
            {...props}
            serviceKey={key}
            line={drop === null ? undefined : lineAt(others, index, key.id)}
          />
        ))}
      </div>
    </section>
  )
}

/** On which side of a row the key that is held would go. */
const lineAt = (others: readonly ServiceKey[], index: number, id: string): 'before' | 'after' | undefined => {
  if (others[index]?.id === id) return 'before'
  return index === others.length && others.at(-1)?.id === id ? 'after' : undefined
}

const Row = (props: LaneProps & { serviceKey: ServiceKey; line: 'before' | 'after' | undefined }) => {
  const key = props.serviceKey
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- catches keys that bubble from the row's buttons
    <div
      className={classes.row}
      data-key={key.id}
      data-held={props.held?.id === key.id || undefined}
      data-grabbed={props.grabbedId === key.id || undefined}
      data-line={props.line}
      onKeyDown={(event) => moveByKeyboard(event, (by) => props.onStep(key, by))}
    >
      <Handle {...props} />
      <div className={classes.rowKey}>
        <KeyRow
          serviceKey={key}
          actions={props.actions}
          mayManage
          page="/admin/keys/$id"
          onTask={props.onTask}
          controls={<MoveButtons serviceKey={key} keys={props.keys} onMove={(by) => props.onStep(key, by)} />}
          menuItems={<KeyItems {...props} serviceKey={key} />}
        />
        <SystemKeyLimitLine id={key.id} />
      </div>
    </div>
  )
}

const Handle = (props: LaneProps & { serviceKey: ServiceKey }) => {
  const { id, label } = props.serviceKey
  return (
    <button
      type="button"
      id={handleId(id)}
      className={classes.handle}
      aria-label={`Move ${label}`}
      aria-describedby={instructionsId}
      aria-pressed={props.grabbedId === id}
      onPointerDown={(event) => props.onPress(event, id)}
      onClick={() => props.onGrab(id)}
    >
      <IconGripVertical size={16} aria-hidden />
    </button>
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

const MoveItems = (props: LaneProps & { serviceKey: ServiceKey }): ReactNode =>
  priorities
    .filter((other) => other !== props.priority)
    .map((other) => (
      <Menu.Item
        key={other}
        leftSection={<IconStack2 size={15} />}
        onClick={() => props.onPut(props.serviceKey.id, movedTo(props.keys, props.serviceKey.id, other))}
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
