import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AdminService } from '../../src/contract/administration.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

export const BaseUrlDialog = ({ service, onClose }: { service: AdminService; onClose: () => void }) => {
  const [baseUrl, setBaseUrl] = useState(service.baseUrl ?? '')
  const change = useAct('changeService', ['listAdminServices', 'listServices'])
  return (
    <FormDialog
      opened
      title={`Base URL of ${service.name}`}
      submit={baseUrl.trim() === '' ? 'Use the default' : 'Save'}
      busy={change.isPending}
      error={change.error}
      onSubmit={() =>
        change.mutate(
          { params: { id: service.id }, body: { baseUrl: baseUrl.trim() || null } },
          {
            onSuccess: () => {
              tellDone(
                `Calls of ${service.name} go to ${baseUrl.trim() || (service.defaultBaseUrl ?? 'each key’s own address')}.`,
              )
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <TextInput
        label="Base URL"
        description="An enterprise proxy, another host of the same API, or a local model; a private address has to be listed under Private addresses first. Empty: the default."
        placeholder={service.defaultBaseUrl ?? 'https://…'}
        type="url"
        data-autofocus
        value={baseUrl}
        onChange={(event) => setBaseUrl(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
