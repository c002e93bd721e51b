import { Button, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AdminService } from '../../src/contract/administration.ts'
import { useAct, useRead } from '../data/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { counted } from '../ui/format.ts'
import { ServiceTile } from '../ui/mark.tsx'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { Allowances } from './allowances.tsx'
import classes from './services.module.css'

const reads = ['listAdminServices', 'listServices'] as const

export const AdminServices = () => {
  const services = useRead('listAdminServices', {})
  const [editing, setEditing] = useState<AdminService | null>(null)
  return (
    <Page title="Services" description="Which services are on, and where their calls go.">
      <Panel flush>
        <Loaded of={services} skeleton={<Block height={238} narrow={739} />}>
          {({ items }) => (
            <DataTable
              label="Services"
              rows={items}
              rowKey={(row) => row.id}
              columns={[
                {
                  key: 'name',
                  header: 'Service',
                  render: (row) => (
                    <span className={classes.service}>
                      <ServiceTile name={row.name} small />
                      {row.name}
                    </span>
                  ),
                },
                { key: 'url', header: 'Base URL', render: (row) => <BaseUrl service={row} /> },
                {
                  key: 'keys',
                  header: 'System keys',
                  align: 'end',
                  render: (row) => counted(row.systemKeyCount, 'key'),
                },
                { key: 'on', header: 'On', render: (row) => <OnSwitch service={row} /> },
                {
                  key: 'actions',
                  header: '',
                  align: 'end',
                  render: (row) => (
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Change URL of ${row.name}`}
                      onClick={() => setEditing(row)}
                    >
                      Change URL
                    </Button>
                  ),
                },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      <Allowances />
      {editing && <BaseUrlDialog service={editing} onClose={() => setEditing(null)} />}
    </Page>
  )
}

const BaseUrl = ({ service }: { service: AdminService }) => (
  <span className={classes.url}>
    {service.baseUrl ?? service.defaultBaseUrl ?? 'given with each key'}
    {service.baseUrl && (
      <span className={classes.note}>replaces {service.defaultBaseUrl ?? 'the key’s own'}</span>
    )}
  </span>
)

const OnSwitch = ({ service }: { service: AdminService }) => {
  const change = useAct('changeService', reads)
  const set = (enabled: boolean) => change.mutateAsync({ params: { id: service.id }, body: { enabled } })
  const choose = (enabled: boolean) =>
    void set(enabled).then(
      () => tellDone(`${service.name} is ${enabled ? 'on' : 'off'}.`, () => set(!enabled)),
      tellFault,
    )
  return (
    <Switch
      aria-label={`${service.name} is on`}
      checked={change.isPending ? (change.variables.body.enabled ?? service.enabled) : service.enabled}
      onChange={(event) => choose(event.currentTarget.checked)}
    />
  )
}

const BaseUrlDialog = ({ service, onClose }: { service: AdminService; onClose: () => void }) => {
  const [baseUrl, setBaseUrl] = useState(service.baseUrl ?? '')
  const change = useAct('changeService', reads)
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
