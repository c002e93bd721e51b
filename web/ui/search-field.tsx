import { CloseButton, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useSlashFocus } from './hotkeys.ts'

const restMilliseconds = 250

/** A search that tells its text when the typing rests, so that lists and the address bar do not flicker. */
export const SearchField = (props: {
  label: string
  placeholder?: string
  text: string
  onSearch: (text: string) => void
  /** The page's first: `/` goes there. */
  slash?: boolean
}) => {
  const slashed = useSlashFocus<HTMLInputElement>()
  const [typed, setTyped] = useState(props.text)
  const [told, setTold] = useState(props.text)
  // Changed from elsewhere: by the browser’s way back, or by “clear filters”.
  if (props.text !== told) {
    setTold(props.text)
    setTyped(props.text)
  }
  const { onSearch } = props
  useEffect(() => {
    const text = typed.trim()
    if (text === told) return undefined
    const timer = setTimeout(() => {
      setTold(text)
      onSearch(text)
    }, restMilliseconds)
    return () => clearTimeout(timer)
  }, [typed, told, onSearch])
  return (
    <TextInput
      ref={props.slash ? slashed : undefined}
      type="search"
      aria-label={props.label}
      placeholder={props.placeholder ?? props.label}
      leftSection={<IconSearch size={15} aria-hidden />}
      rightSection={
        typed !== '' && (
          <CloseButton
            size="sm"
            aria-label="Clear the search"
            onClick={() => {
              setTyped('')
              setTold('')
              onSearch('')
            }}
          />
        )
      }
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      autoComplete="off"
      spellCheck={false}
      maxLength={120}
    />
  )
}
