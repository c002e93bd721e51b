import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconGripVertical, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { AdminGroup } from '../../src/contract/groups.ts'
import { ServiceName } from '../data/service-name.tsx'
import { movedModel } from './group-order.ts'
import classes from './groups.module.css'

type Step = -1 | 1
type Offers = AdminGroup['offers']

interface ModelsProps {
  readonly models: readonly string[]
  /** What the saved models stand for. */
  readonly offers: Offers
  readonly onChange: (models: readonly string[]) => void
}

/** Models in the order in which they are tried: dragged by their handle, or moved by arrows. */
export const GroupModels = ({ models, offers, onChange }: ModelsProps) => {
  const [dragged, setDragged] = useState<number | null>(null)
  const [said, setSaid] = useState('')
  const list = useRef<HTMLOListElement>(null)
  // A moved row is a moved DOM node, which loses the focus: it is given back after the move was drawn.
  const refocus = useRef<{ model: string; step: Step; before: readonly string[] } | null>(null)
  useEffect(() => {
    const wanted = refocus.current
    if (wanted === null || wanted.before === models) return
    refocus.current = null
    const row = [...(list.current?.children ?? [])].find(
      (each) => each instanceof HTMLElement && each.dataset['model'] === wanted.model,
    )
    row?.querySelector<HTMLElement>(`[data-step="${wanted.step}"]`)?.focus()
  })
  const move = (from: number, to: number) => {
    const next = movedModel(models, from, to)
    if (next === models) return
    setSaid(`${models[from]} is now number ${to + 1} of ${models.length}.`)
    onChange(next)
  }
  const step = (index: number, by: Step) => {
    refocus.current = { model: models[index] ?? '', step: by, before: models }
    move(index, index + by)
  }
  if (models.length === 0) return <p className={classes.quiet}>None yet. Add the best one first.</p>
  return (
    <>
      <ol className={classes.list} ref={list}>
        {models.map((model, index) => (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- catches keys that bubble from the row's buttons
          <li
            key={model}
            data-model={model}
            className={classes.row}
            data-dragged={dragged === index || undefined}
            onKeyDown={(event) => moveByKeyboard(event, (by) => step(index, by))}
            onDragOver={(event) => {
              if (dragged === null) return
              event.preventDefault()
              if (dragged === index) return
              move(dragged, index)
              setDragged(index)
            }}
            onDrop={(event) => event.preventDefault()}
          >
            <span
              className={classes.handle}
              draggable
              aria-hidden
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = 'move'
                event.dataTransfer.setData('text/plain', model)
                setDragged(index)
              }}
              onDragEnd={() => setDragged(null)}
            >
              <IconGripVertical size={16} />
            </span>
            <span className={classes.number}>{index + 1}</span>
            <span className={classes.words}>
              <span className={classes.model}>{model}</span>
              <OfferNote offer={offers.find((each) => each.model === model)} />
            </span>
            <RowButtons
              model={model}
              index={index}
              count={models.length}
              onStep={(by) => step(index, by)}
              onRemove={() => {
                setSaid(`${model} is removed.`)
                onChange(models.toSpliced(index, 1))
              }}
            />
          </li>
        ))}
      </ol>
      <output className="visually-hidden">{said}</output>
    </>
  )
}

/** Alt with an arrow moves the model whose row holds the focus. */
const moveByKeyboard = (event: KeyboardEvent, move: (step: Step) => void): void => {
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
  event.preventDefault()
  move(event.key === 'ArrowUp' ? -1 : 1)
}

/** Which services it stands for. */
const OfferNote = ({ offer }: { offer: Offers[number] | undefined }) => {
  if (offer === undefined) return <span className={classes.quiet}>New: its services show after saving.</span>
  if (offer.services.length === 0)
    return <span className={classes.warning}>No service that is on offers it: passed over.</span>
  return (
    <span className={classes.quiet}>
      {offer.services.map(({ serviceId, model, translated }, index) => (
        <span key={`${serviceId} ${model}`}>
          {index > 0 && ', '}
          <ServiceName id={serviceId} />
          {translated && ' (translated)'}
        </span>
      ))}
    </span>
  )
}

const RowButtons = (props: {
  model: string
  index: number
  count: number
  onStep: (step: Step) => void
  onRemove: () => void
}) => (
  <span className={classes.rowButtons}>
    {([-1, 1] as const).map((step) => {
      const word = step === -1 ? 'earlier' : 'later'
      const isAtEnd = step === -1 ? props.index === 0 : props.index === props.count - 1
      return (
        <Tooltip key={step} label={`Try ${word} (Alt ${step === -1 ? '↑' : '↓'})`}>
          <ActionIcon
            variant="subtle"
            color="gray"
            data-step={step}
            aria-label={`Try ${props.model} ${word}`}
            // Not `disabled`: a button that was just pressed must keep the focus at the end of the order.
            aria-disabled={isAtEnd}
            onClick={() => props.onStep(step)}
          >
            {step === -1 ? <IconArrowUp size={15} /> : <IconArrowDown size={15} />}
          </ActionIcon>
        </Tooltip>
      )
    })}
    <ActionIcon variant="subtle" color="gray" aria-label={`Remove ${props.model}`} onClick={props.onRemove}>
      <IconX size={15} />
    </ActionIcon>
  </span>
)
