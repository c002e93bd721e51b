/* oxlint-disable jsx-a11y/prefer-tag-over-role --
   a select shows neither symbols nor what a page stands under, and takes the focus from the field. */
import { Modal } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { type Aim, findAims } from './find-place.ts'
import classes from './go-to.module.css'
import { useAreas } from './use-areas.ts'

/** Any page by some letters of its name, or of what it is about. */
export const GoTo = (props: { opened: boolean; onClose: () => void }) => (
  <Modal
    opened={props.opened}
    onClose={props.onClose}
    withCloseButton={false}
    centered={false}
    yOffset="12vh"
    padding={0}
    size={520}
    attributes={{ content: { 'aria-label': 'Go to a page' } }}
  >
    <Finder onGone={props.onClose} />
  </Modal>
)

const Finder = ({ onGone }: { onGone: () => void }) => {
  const { areas } = useAreas()
  const navigate = useNavigate()
  const listId = useId()
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const aims = findAims(areas, text)
  const go = (aim: Aim | undefined) => {
    if (!aim) return
    onGone()
    void navigate({ to: aim.place.to })
  }
  const keys: Record<string, () => void> = {
    ArrowDown: () => setChosen(Math.min(chosen + 1, aims.length - 1)),
    ArrowUp: () => setChosen(Math.max(chosen - 1, 0)),
    Enter: () => go(aims[chosen]),
  }
  return (
    <>
      <div className={classes.field}>
        <IconSearch size={17} stroke={1.8} aria-hidden />
        <input
          className={classes.input}
          role="combobox"
          aria-label="Page"
          aria-expanded
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={aims[chosen] && `${listId}-${chosen}`}
          placeholder="Go to a page"
          autoComplete="off"
          spellCheck={false}
          maxLength={60}
          data-autofocus
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setChosen(0)
          }}
          onKeyDown={(event: KeyboardEvent) => {
            const act = event.nativeEvent.isComposing ? undefined : keys[event.key]
            if (!act) return
            event.preventDefault()
            act()
          }}
        />
        <kbd className={classes.hint}>Esc</kbd>
      </div>
      <Aims id={listId} aims={aims} chosen={chosen} onChoose={setChosen} onGo={go} />
      {aims.length === 0 && <output className={classes.none}>No page of that name that you may open.</output>}
    </>
  )
}

const Aims = (props: {
  id: string
  aims: readonly Aim[]
  chosen: number
  onChoose: (index: number) => void
  onGo: (aim: Aim) => void
}) => {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    list.current?.children[props.chosen]?.scrollIntoView({ block: 'nearest' })
  }, [props.chosen])
  return (
    <div ref={list} id={props.id} role="listbox" aria-label="Pages" tabIndex={-1} className={classes.aims}>
      {props.aims.map((aim, index) => (
        // Keys are the field's: the focus never leaves it.
        // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
        <div
          key={aim.place.to}
          id={`${props.id}-${index}`}
          role="option"
          aria-selected={index === props.chosen}
          tabIndex={-1}
          className={classes.aim}
          onMouseMove={() => props.onChoose(index)}
          onClick={() => props.onGo(aim)}
        >
          <aim.icon size={17} stroke={1.7} aria-hidden />
          <span className={classes.name}>{aim.place.label}</span>
          <span className={classes.under}>{aim.under}</span>
        </div>
      ))}
    </div>
  )
}
