import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { read } from '../data/queries.ts'

/** One member of the organisation, found by part of the name or e-mail address. */
export const MemberSelect = (props: {
  label: string
  placeholder?: string
  clearable?: boolean
  value: string | null
  onChange: (userId: string | null) => void
}) => {
  const [search, setSearch] = useState('')
  const [settled] = useDebouncedValue(search, 250)
  // What is chosen stands in the field as words, which find nobody.
  const [chosen, setChosen] = useState<{ value: string; label: string } | null>(null)
  const sought = settled === chosen?.label ? '' : settled
  const members = useQuery({
    ...read('listMembers', { query: { search: sought || undefined, limit: 50 } }),
    placeholderData: keepPreviousData,
  })
  const found = (members.data?.items ?? []).map(({ userId, name, email }) => ({
    value: userId,
    label: `${name} (${email})`,
  }))
  const data = chosen && !found.some(({ value }) => value === chosen.value) ? [chosen, ...found] : found
  return (
    <Select
      label={props.label}
      placeholder={props.placeholder}
      clearable={props.clearable}
      searchable
      nothingFoundMessage="Nobody is called so"
      // The server has looked for it.
      filter={({ options }) => options}
      error={members.error?.message}
      data={data}
      value={props.value}
      onChange={(userId, option) => {
        setChosen(option && { value: option.value, label: option.label })
        props.onChange(userId)
      }}
      onSearchChange={setSearch}
    />
  )
}
