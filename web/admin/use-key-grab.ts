import { useEffect, useRef, useState } from 'react'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { priorityName } from '../ui/mark.tsx'
import { moved, placeOf } from './key-order.ts'

export const handleId = (id: string): string => `move-${id}`

/** `Primary, 1 of 2`. */
export const placeWords = (keys: readonly ServiceKey[], id: string): string => {
  const place = placeOf(keys, id)
  if (!place) return ''
  const lane = keys.filter((key) => (key.priority ?? 3) === place.priority).length
  return `${priorityName(place.priority)}, ${place.index + 1} of ${lane}`
}

interface Grab {
  readonly id: string
  readonly order: readonly ServiceKey[]
  /** Put down; its order is shown until it is the real one, or was refused. Else the row would jump back and forth. */
  readonly isDown?: true
}

/**
 * A key taken, moved and put down by the keyboard: space or enter on its handle, arrows, space or enter again; escape
 * puts it back. Taking and putting down are clicks of the handle, because that is also what screen readers send.
 */
export const useKeyGrab = (
  keys: readonly ServiceKey[],
  say: (words: string) => void,
  onDrop: (id: string, order: ServiceKey[]) => Promise<void>,
) => {
  const [grab, setGrab] = useState<Grab | null>(null)
  const labelOf = (id: string) => keys.find((key) => key.id === id)?.label ?? 'The key'
  // A row that changed its lane is a new DOM node, which has lost the focus.
  const refocus = useRef<string | null>(null)
  useEffect(() => {
    if (refocus.current !== null) document.getElementById(handleId(refocus.current))?.focus()
    refocus.current = null
  })
  const putBack = () => {
    if (!grab || grab.isDown) return
    refocus.current = grab.id
    setGrab(null)
    say(`${labelOf(grab.id)} is back: ${placeWords(keys, grab.id)}.`)
  }
  const step = (by: -1 | 1) => {
    if (!grab || grab.isDown) return
    const order = moved(grab.order, grab.id, by)
    refocus.current = grab.id
    if (order) setGrab({ id: grab.id, order })
    say(
      order
        ? `${labelOf(grab.id)}: ${placeWords(order, grab.id)}.`
        : `${labelOf(grab.id)} is ${by === -1 ? 'first' : 'last'} already.`,
    )
  }
  useEffect(() => {
    if (!grab || grab.isDown) return
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      if (event.key === 'ArrowUp' || event.key === 'ArrowDown') step(event.key === 'ArrowUp' ? -1 : 1)
      else if (event.key === 'Escape' || event.key === 'Tab') putBack()
      else return
      // Tab goes on to the next control; the others are for the key alone.
      if (event.key !== 'Tab') event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    window.addEventListener('pointerdown', putBack)
    return () => {
      window.removeEventListener('keydown', onKey)
      window.removeEventListener('pointerdown', putBack)
    }
  })
  const click = (id: string) => {
    if (grab?.id !== id || grab.isDown) {
      setGrab({ id, order: keys })
      say(`${labelOf(id)} taken: ${placeWords(keys, id)}. Arrows move it, space puts it down, escape back.`)
      return
    }
    refocus.current = id
    if (placeWords(grab.order, id) === placeWords(keys, id)) {
      setGrab(null)
      say(`${labelOf(id)} is where it was: ${placeWords(keys, id)}.`)
      return
    }
    const down: Grab = { ...grab, isDown: true }
    setGrab(down)
    void onDrop(id, [...grab.order]).then(() => setGrab((now) => (now === down ? null : now)))
  }
  return { grabbedId: grab && !grab.isDown ? grab.id : null, order: grab?.order ?? keys, click }
}
