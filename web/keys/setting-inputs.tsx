import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Service, SettingField } from '../../src/contract/service-keys.ts'
import { mistakeIn, type Settings } from './settings.ts'

/** What a service asks for beside the secret; a mistake is told when the field is left. */
export const SettingInputs = (props: {
  service: Service
  settings: Settings
  onChange: (settings: Settings) => void
}) =>
  props.service.settingFields.map((field) => (
    <SettingInput
      key={`${props.service.id} ${field.id}`}
      field={field}
      value={props.settings[field.id] ?? ''}
      onChange={(text) => props.onChange({ ...props.settings, [field.id]: text })}
    />
  ))

const SettingInput = (props: { field: SettingField; value: string; onChange: (text: string) => void }) => {
  const { field, value } = props
  const [left, setLeft] = useState(false)
  return (
    <TextInput
      label={field.required ? field.label : `${field.label} (optional)`}
      description={field.hint}
      error={left ? mistakeIn(field, value) : null}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      maxLength={4096}
      value={value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      onBlur={() => setLeft(true)}
    />
  )
}
