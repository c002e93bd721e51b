import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { useAct } from '../data/queries.ts'
import { priorityName } from '../ui/mark.tsx'
import { ImportDialog } from './import-dialog.tsx'

export const ImportOwnKeys = (props: { onClose: () => void }) => {
  const preview = useAct('previewKeyImport')
  const add = useAct('importServiceKeys', ['listServiceKeys', 'listServices', 'readKeyHygiene'])
  return (
    <ImportDialog
      title="Import keys"
      of={{
        preview,
        add: { ...add, lines: (text, lines) => add.mutateAsync({ body: { text, lines } }) },
      }}
      onClose={props.onClose}
    />
  )
}

export const ImportSystemKeys = (props: { onClose: () => void }) => {
  const preview = useAct('previewSystemKeyImport')
  const add = useAct('importSystemKeys', [
    'listSystemKeys',
    'readAllKeyHygiene',
    'listAdminServices',
    'listServices',
  ])
  const [priority, setPriority] = useState(1)
  return (
    <ImportDialog
      title="Import system keys"
      of={{
        preview,
        add: { ...add, lines: (text, lines) => add.mutateAsync({ body: { text, lines, priority } }) },
        options: (
          <NativeSelect
            label="Priority of all of them"
            value={String(priority)}
            data={[1, 2, 3].map((each) => ({ value: String(each), label: priorityName(each) ?? '' }))}
            onChange={(event) => setPriority(Number(event.currentTarget.value))}
          />
        ),
      }}
      onClose={props.onClose}
    />
  )
}
