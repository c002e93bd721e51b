import { Autocomplete, Button } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { type KeyboardEvent, useState } from 'react'
import type { GroupTask } from '../../src/contract/groups.ts'
import { useRead } from '../data/queries.ts'
import classes from './groups.module.css'

/** Any name can be added; those that are known are proposed while one types. */
export const AddModel = (props: {
  task: GroupTask
  listed: readonly string[]
  onAdd: (model: string) => void
}) => {
  const [text, setText] = useState('')
  const [settled] = useDebouncedValue(text.trim(), 200)
  const found = useRead('browseModels', {
    query: { task: props.task, limit: 60, ...(settled === '' ? {} : { search: settled.slice(0, 120) }) },
  })
  const model = text.trim()
  const isListed = props.listed.includes(model)
  const add = () => {
    if (model === '' || isListed) return
    props.onAdd(model)
    setText('')
  }
  const proposed = (found.data?.items ?? []).filter(
    (each) => each.kind === 'model' && !props.listed.includes(each.model),
  )
  return (
    <div className={classes.add}>
      <Autocomplete
        label="Add a model"
        description="A bare name is the model wherever it is offered; service/model is that offer alone."
        placeholder="Type to search"
        maxDropdownHeight={240}
        classNames={{ dropdown: classes.dropdown ?? '', option: classes.option ?? '' }}
        comboboxProps={{ withinPortal: false }}
        // The service has answered already; it also finds models by the service's name.
        filter={({ options }) => options}
        value={text}
        data={[...new Set(proposed.map((each) => each.model))]}
        error={isListed && 'It is listed already.'}
        onChange={setText}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key !== 'Enter') return
          // Adds; the form is saved by its button.
          event.preventDefault()
          if (!event.defaultPrevented || model !== '') add()
        }}
      />
      <Button variant="default" disabled={model === '' || isListed} onClick={add}>
        Add
      </Button>
    </div>
  )
}
