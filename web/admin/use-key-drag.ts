import { type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { type EdgeScroll, makeEdgeScroll } from '../ui/edge-scroll.ts'
import { laneBoxes, placeAt } from './drop-place.ts'
import type { Place } from './key-order.ts'

export interface Held {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly place: Place | null
}

interface Press {
  readonly id: string
  readonly pointer: number
  readonly startY: number
  readonly x: number
  readonly y: number
}

/** Less is a click with an unsteady hand. */
const thresholdPixels = 4

/**
 * Dragging by mouse, pen and finger. Pointer events rather than a library: one list of rows, no nesting, and the
 * keyboard has its own way (use-key-grab.ts). While a key is held the rows stay where they are, so the element that
 * captured the pointer is never taken out of the page; a line shows where the key would go.
 */
export const useKeyDrag = (
  list: RefObject<HTMLElement | null>,
  onDrop: (id: string, place: Place) => void,
) => {
  const [held, setHeld] = useState<Held | null>(null)
  const press = useRef<Press | null>(null)
  const follow = () => {
    const now = press.current
    if (now && list.current)
      setHeld({ id: now.id, x: now.x, y: now.y, place: placeAt(now.y, laneBoxes(list.current), now.id) })
  }
  const latest = useRef(follow)
  useEffect(() => {
    latest.current = follow
  })
  const scroll = useRef<EdgeScroll | null>(null)
  const letGo = () => {
    scroll.current?.stop()
    press.current = null
    setHeld(null)
  }
  useEffect(() => () => scroll.current?.stop(), [])
  const isHeld = held !== null
  useEffect(() => {
    if (!isHeld) return
    const cancel = (event: KeyboardEvent) => {
      if (event.key === 'Escape') letGo()
    }
    window.addEventListener('keydown', cancel)
    return () => window.removeEventListener('keydown', cancel)
  })
  return {
    held,
    /** For the handle of a key. */
    press: (event: PointerEvent, id: string) => {
      if (event.button !== 0 || !event.isPrimary) return
      list.current?.setPointerCapture(event.pointerId)
      scroll.current ??= makeEdgeScroll(() => latest.current())
      press.current = {
        id,
        pointer: event.pointerId,
        startY: event.clientY,
        x: event.clientX,
        y: event.clientY,
      }
    },
    /** For the list. */
    handlers: {
      onPointerMove: (event: PointerEvent) => {
        const now = press.current
        if (!now || now.pointer !== event.pointerId) return
        press.current = { ...now, x: event.clientX, y: event.clientY }
        if (!isHeld && Math.abs(event.clientY - now.startY) < thresholdPixels) return
        scroll.current?.at(event.clientY)
        follow()
      },
      onPointerUp: (event: PointerEvent) => {
        if (press.current?.pointer !== event.pointerId) return
        if (held?.place) onDrop(held.id, held.place)
        letGo()
      },
      onPointerCancel: letGo,
      onLostPointerCapture: letGo,
    },
  }
}
