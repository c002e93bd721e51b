import { Select } from '@mantine/core'
import { useState } from 'react'
import type { WebhookEndpointOnWire } from '../../src/contract/webhooks.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

const times = [
  { value: '1', label: 'The last hour' },
  { value: '24', label: 'The last day' },
  { value: '168', label: 'The last 7 days' },
  { value: '720', label: 'The last 30 days' },
]
const choices = [
  { value: 'not_delivered', label: 'What did not arrive, or was never sent there' },
  { value: 'failed', label: 'What failed' },
  { value: 'all', label: 'Everything, once more' },
]

export const ReplayDialog = (props: { endpoint: WebhookEndpointOnWire; onClose: () => void }) => {
  const [hours, setHours] = useState('24')
  const [only, setOnly] = useState('not_delivered')
  const replay = useAct('replayEvents', ['listEventDeliveries'])
  return (
    <FormDialog
      opened
      title="Replay events"
      submit="Replay"
      busy={replay.isPending}
      error={replay.error}
      onSubmit={() =>
        replay.mutate(
          {
            params: { id: props.endpoint.id },
            body: {
              since: new Date(Date.now() - Number(hours) * 3_600_000).toISOString(),
              only: only as 'all',
            },
          },
          {
            onSuccess: ({ deliveries }) => {
              tellDone(deliveries === 1 ? 'One event is sent.' : `${deliveries} events are sent.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <Select
        label="From"
        data={times}
        value={hours}
        allowDeselect={false}
        onChange={(value) => setHours(value ?? '24')}
      />
      <Select
        label="What"
        description="Each message keeps its id, so that a server which knows it can leave it out."
        data={choices}
        value={only}
        allowDeselect={false}
        onChange={(value) => setOnly(value ?? 'not_delivered')}
      />
    </FormDialog>
  )
}
