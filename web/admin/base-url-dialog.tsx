import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AdminService } from '../../src/contract/administration.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'

export const BaseUrlDialog = ({ service, onClose }: { service: AdminService; onClose: () => void }) => {
  const [baseUrl, setBaseUrl] = useState(service.baseUrl ?? '')
  const change = useAct('changeService', ['listAdminServices', 'listServices'])
  const allow = useAct('addOutboundAllowance', ['listOutboundAllowances'])
  const address = change.error?.code === 'unsafe_address' ? listable(baseUrl) : null
  const save = () =>
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
  return (
    <FormDialog
      opened
      title={`Base URL of ${service.name}`}
      submit={baseUrl.trim() === '' ? 'Use the default' : 'Save'}
      busy={change.isPending || allow.isPending}
      error={(address === null && change.error) || allow.error}
      onSubmit={save}
      onClose={onClose}
    >
      <TextInput
        label="Base URL"
        description="An enterprise proxy, another host of the same API, or a local model; empty for the default."
        placeholder={service.defaultBaseUrl ?? 'https://…'}
        type="url"
        data-autofocus
        value={baseUrl}
        onChange={(event) => {
          change.reset()
          allow.reset()
          setBaseUrl(event.currentTarget.value)
        }}
      />
      {address !== null && (
        <Notice tone="warning" live title={change.error?.message}>
          <p>
            Calls go there only if <code>{address}</code> is among the private addresses.
          </p>
          <Button
            mt={8}
            size="compact-md"
            variant="default"
            loading={allow.isPending || change.isPending}
            onClick={() => allow.mutate({ body: { address } }, { onSuccess: save })}
          >
            List it and save
          </Button>
        </Notice>
      )}
    </FormDialog>
  )
}

/** What can be listed of it; null where that is not what is wrong. */
const listable = (baseUrl: string): string | null => {
  const url = URL.parse(baseUrl.trim())
  return url && /^https?:$/.test(url.protocol) && url.username + url.password === '' ? url.host : null
}
