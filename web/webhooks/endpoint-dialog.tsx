import { MultiSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { type EventType, eventTypes } from '../../src/contract/event-types.ts'
import type { WebhookEndpointOnWire } from '../../src/contract/webhooks.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

/** Of one that is there, or of a new one: then its secret is shown next. */
export const EndpointDialog = (props: {
  endpoint?: WebhookEndpointOnWire
  onCreated?: (secret: string) => void
  onClose: () => void
}) => {
  const { endpoint } = props
  const [url, setUrl] = useState(endpoint?.url ?? '')
  const [description, setDescription] = useState(endpoint?.description ?? '')
  const [types, setTypes] = useState<string[]>([...(endpoint?.types ?? [])])
  const create = useAct('createWebhookEndpoint', ['listWebhookEndpoints'])
  const change = useAct('changeWebhookEndpoint', ['listWebhookEndpoints'])
  const save = () => {
    const body = { url: url.trim(), description, types: types.length === 0 ? null : (types as EventType[]) }
    if (endpoint === undefined)
      create.mutate({ body }, { onSuccess: ({ secret }) => props.onCreated?.(secret) })
    else
      change.mutate(
        { params: { id: endpoint.id }, body },
        {
          onSuccess: () => {
            tellDone('The endpoint is changed.')
            props.onClose()
          },
        },
      )
  }
  return (
    <FormDialog
      opened
      title={endpoint ? 'Change endpoint' : 'Add endpoint'}
      submit={endpoint ? 'Save' : 'Add endpoint'}
      busy={create.isPending || change.isPending}
      error={create.error ?? change.error}
      blocked={!/^https?:\/\/\S+$/.test(url.trim())}
      onSubmit={save}
      onClose={props.onClose}
    >
      <TextInput
        label="Address"
        description="A public https address of yours. It answers 2xx within ten seconds."
        placeholder="https://example.com/aideon-keys"
        data-autofocus
        maxLength={500}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <TextInput
        label="Description"
        maxLength={200}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <MultiSelect
        label="Events"
        description="Only these; none chosen: all, new ones too."
        placeholder={types.length === 0 ? 'All events' : undefined}
        data={groups}
        value={types}
        onChange={setTypes}
        searchable
        clearable
        hidePickedOptions
        maxDropdownHeight={260}
      />
    </FormDialog>
  )
}

const subjectOf = (type: string): string => type.split('.')[0] ?? ''
const named = (subject: string): string => {
  const words = subject.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
const choices = Object.keys(eventTypes).filter((type) => type !== 'webhook.test')
const groups = [...new Set(choices.map(subjectOf))].map((subject) => ({
  group: named(subject),
  items: choices.filter((type) => subjectOf(type) === subject),
}))
