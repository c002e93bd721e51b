import { useHotkeys } from '@mantine/hooks'
import { type RefObject, useRef } from 'react'

/** `/` puts the cursor into the page's search or first filter; it stays an ordinary sign inside fields. */
export const useSlashFocus = <Element extends HTMLElement>(): RefObject<Element | null> => {
  const field = useRef<Element | null>(null)
  useHotkeys([['/', () => field.current?.focus()]])
  return field
}
