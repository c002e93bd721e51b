import { NativeSelect } from '@mantine/core'

const spans = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: '', label: 'Never' },
]

/** null: never. */
export const ExpirySelect = (props: { days: number | null; onChange: (days: number | null) => void }) => (
  <NativeSelect
    label="Expires"
    value={props.days === null ? '' : String(props.days)}
    data={spans}
    onChange={(event) =>
      props.onChange(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))
    }
  />
)
