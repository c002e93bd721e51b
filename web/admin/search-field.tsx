import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useSlashFocus } from '../ui/hotkeys.ts'
import classes from './search-field.module.css'

/** Searches as one types, a moment after the last key; `/` leads to it. */
export const SearchField = (props: {
  label: string
  placeholder: string
  value: string | undefined
  onChange: (value: string | undefined) => void
}) => {
  const field = useSlashFocus<HTMLInputElement>()
  const [text, setText] = useState(props.value ?? '')
  const [settled] = useDebouncedValue(text, 250)
  const { onChange, value } = props
  useEffect(() => {
    if (settled !== (value ?? '')) onChange(settled || undefined)
    // Only a settled text searches; a changed address alone must not be overwritten.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [settled])
  return (
    <TextInput
      ref={field}
      className={classes.search}
      aria-label={props.label}
      placeholder={props.placeholder}
      leftSection={<IconSearch size={15} aria-hidden />}
      rightSection={<kbd className={classes.slash}>/</kbd>}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  )
}
