import { Select } from '@mantine/core'
import type { Service } from '../../src/contract/service-keys.ts'
import classes from './keys.module.css'
import { groupServices } from './service-groups.ts'

/** Which service a key is for: found by typing a part of its name. */
export const ServiceSelect = (props: {
  services: readonly Service[]
  recognized: readonly Service[]
  value: string
  onChange: (serviceId: string) => void
}) => (
  <Select
    label="Service"
    placeholder="Type to find a service"
    searchable
    allowDeselect={false}
    selectFirstOptionOnChange
    // The list itself scrolls: around it, Mantine's scroll area would be one that no keyboard reaches.
    withScrollArea={false}
    classNames={{ options: classes.services ?? '' }}
    nothingFoundMessage="No service has this name. Any OpenAI- or Anthropic-compatible server: Custom."
    // In the dialog, where the focus may go.
    comboboxProps={{ withinPortal: false }}
    value={props.value || null}
    data={groupServices(props.services, props.recognized).map(({ group, services }) => ({
      group,
      items: services.map(({ id, name }) => ({ value: id, label: name })),
    }))}
    onChange={(id) => id !== null && props.onChange(id)}
  />
)
