import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { type HygieneSettings, hygieneSettings } from '../../src/contract/key-hygiene.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Lines, Loaded } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'

const fields = [
  {
    id: 'checkEveryHours',
    label: 'Prove healthy keys every so many hours',
    hint: 'Empty: never. Uses up nothing at the services.',
  },
  { id: 'unusedDays', label: 'Unused after so many days', hint: 'From then on a key is asked about.' },
  { id: 'oldDays', label: 'Old after so many days', hint: 'From then on a secret should be replaced.' },
] as const

/** From when on keys want a look. */
export const HygieneSettingsDialog = (props: { onClose: () => void }) => {
  const settings = useRead('readKeyHygieneSettings', {})
  const change = useAct('changeKeyHygieneSettings', [
    'readKeyHygieneSettings',
    'readAllKeyHygiene',
    'readKeyHygiene',
  ])
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({})
  const before: HygieneSettings | undefined = settings.data
  const textOf = (id: keyof HygieneSettings) => typed[id] ?? String(before?.[id] ?? '')
  const numberOf = (id: keyof HygieneSettings) => (textOf(id).trim() === '' ? null : Number(textOf(id)))
  const wanted = hygieneSettings.safeParse({
    checkEveryHours: numberOf('checkEveryHours'),
    unusedDays: numberOf('unusedDays'),
    oldDays: numberOf('oldDays'),
  })
  const wrong = new Set(wanted.error?.issues.map(({ path }) => String(path[0])))
  return (
    <FormDialog
      opened
      title="Thresholds"
      submit="Save"
      busy={change.isPending}
      error={change.error}
      blocked={!wanted.success || before === undefined}
      onSubmit={() =>
        wanted.success &&
        change.mutate(
          { body: wanted.data },
          {
            onSuccess: () => {
              tellDone('The thresholds are saved.')
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <Loaded of={settings} skeleton={<Lines count={3} height={34} />}>
        {() =>
          fields.map(({ id, label, hint }) => (
            <TextInput
              key={id}
              label={label}
              description={hint}
              inputMode="numeric"
              error={wrong.has(id) ? 'A whole number, 1 or more.' : null}
              value={textOf(id)}
              onChange={(event) => setTyped({ ...typed, [id]: event.currentTarget.value })}
            />
          ))
        }
      </Loaded>
    </FormDialog>
  )
}
