import { Autocomplete } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import type { AdminUser } from '../../src/contract/administration.ts'
import { useRead } from '../data/queries.ts'
import { useSlashFocus } from '../ui/hotkeys.ts'
import classes from './billing.module.css'

/** By a part of the name or address; the gateway looks, so that lists of any length work. `/` goes there. */
export const FindUser = (props: { label: string; onFind: (user: AdminUser) => void }) => {
  const field = useSlashFocus<HTMLInputElement>()
  const [text, setText] = useState('')
  const [rested] = useDebouncedValue(text.trim(), 250)
  const found = useRead('listUsers', { query: { search: rested, limit: 10 } }, { enabled: rested !== '' })
  const users = rested === '' ? [] : (found.data?.items ?? [])
  return (
    <Autocomplete
      ref={field}
      aria-label={props.label}
      placeholder={props.label}
      leftSection={<IconSearch size={15} aria-hidden />}
      data={users.map(({ email }) => email)}
      filter={({ options }) => options}
      renderOption={({ option }) => (
        <span>
          {users.find(({ email }) => email === option.value)?.name}{' '}
          <span style={{ color: 'var(--ink-3)' }}>{option.value}</span>
        </span>
      )}
      onOptionSubmit={(email) => {
        const user = users.find((each) => each.email === email)
        setText('')
        if (user) props.onFind(user)
      }}
      value={text}
      onChange={(value) => setText(value)}
      maxLength={120}
      spellCheck={false}
      autoComplete="off"
      className={classes.find}
    />
  )
}
