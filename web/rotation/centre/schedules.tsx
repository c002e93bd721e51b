import { Button, NativeSelect, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { Reply } from '../../../src/contract/endpoints.ts'
import type { RotationSchedule } from '../../../src/contract/rotation.ts'
import { useAct, useRead } from '../../data/queries.ts'
import { ServiceName } from '../../data/service-name.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { FormDialog } from '../../ui/dialog.tsx'
import { counted } from '../../ui/format.ts'
import { EmptyState, FaultNotice } from '../../ui/notice.tsx'
import { Columns, Panel } from '../../ui/page.tsx'
import { tellDone } from '../../ui/toast.tsx'
import { spanWords } from '../rotation-words.ts'
import { useScheduleFields } from '../schedule-fields.tsx'

type All = Reply<'listServiceSchedules'>
const unset: RotationSchedule = { everyDays: null, overlapSeconds: null }
const reads = ['listServiceSchedules', 'listKeyRotations'] as const

/** Rules for many keys at once: per service, and how old an organisation lets its keys become. */
export const Schedules = () => {
  const schedules = useRead('listServiceSchedules', {})
  const [service, setService] = useState<string | null>(null)
  const [organization, setOrganization] = useState<string | null>(null)
  const all: All = schedules.data ?? { services: [], organizations: [] }
  if (schedules.error && !schedules.data)
    return <FaultNotice error={schedules.error} onRetry={() => void schedules.refetch()} />
  return (
    <Columns>
      <Panel
        flush
        title="Per service"
        description="For system keys without a schedule of their own."
        actions={
          <Button size="compact-sm" variant="default" onClick={() => setService('')}>
            Set<span className="visually-hidden"> the schedule of a service</span>
          </Button>
        }
      >
        {schedules.data && all.services.length === 0 ? (
          <EmptyState title="No service has a schedule">
            Set one, and its system keys rotate by it.
          </EmptyState>
        ) : (
          <DataTable
            compact
            label="Schedules of services"
            rows={all.services}
            rowKey={(row) => row.serviceId}
            loading={schedules.data ? undefined : 2}
            onOpen={(row) => setService(row.serviceId)}
            openLabel={(row) => `Change the schedule of ${row.serviceId}`}
            columns={[
              { key: 'service', header: 'Service', render: (row) => <ServiceName id={row.serviceId} /> },
              { key: 'schedule', header: 'Schedule', render: words },
            ]}
          />
        )}
      </Panel>
      <Panel
        flush
        title="Oldest allowed"
        description="A key must not become older. Applies to every key of the organisation."
        actions={
          <Button size="compact-sm" variant="default" onClick={() => setOrganization('')}>
            Set<span className="visually-hidden"> how old the keys of an organisation may become</span>
          </Button>
        }
      >
        {schedules.data && all.organizations.length === 0 ? (
          <EmptyState title="No organisation limits the age">
            Set one where a rule asks for it, such as 90 days.
          </EmptyState>
        ) : (
          <DataTable
            compact
            label="Oldest allowed"
            rows={all.organizations}
            rowKey={(row) => row.organizationId}
            loading={schedules.data ? undefined : 2}
            onOpen={(row) => setOrganization(row.organizationId)}
            openLabel={(row) => `Change how old keys of ${row.organizationName} may become`}
            columns={[
              { key: 'name', header: 'Organisation', render: (row) => row.organizationName },
              { key: 'age', header: 'At most', render: (row) => counted(row.maximumAgeDays, 'day') },
            ]}
          />
        )}
      </Panel>
      {service !== null && (
        <ServiceDialog key={service} service={service} all={all} onClose={() => setService(null)} />
      )}
      {organization !== null && (
        <AgeDialog key={organization} chosen={organization} all={all} onClose={() => setOrganization(null)} />
      )}
    </Columns>
  )
}

const words = ({ everyDays, overlapSeconds }: RotationSchedule): string =>
  [
    everyDays === null ? 'Not by itself' : `Every ${counted(everyDays, 'day')}`,
    ...(overlapSeconds === null ? [] : [`overlap ${spanWords(overlapSeconds)}`]),
  ].join(', ')

const ServiceDialog = (props: { service: string; all: All; onClose: () => void }) => {
  const keys = useRead('listKeyRotations', {})
  const known = [
    ...new Set(
      (keys.data?.items ?? []).filter(({ key }) => key.owner === 'system').map(({ key }) => key.serviceId),
    ),
  ]
  const [id, setId] = useState(props.service || (known[0] ?? ''))
  const services = useRead('listServices', {})
  const nameOf = (each: string) => services.data?.items.find((service) => service.id === each)?.name ?? each
  return (
    <ServiceForm
      key={id}
      id={id}
      name={nameOf(id)}
      before={props.all.services.find(({ serviceId }) => serviceId === id) ?? unset}
      choice={
        <NativeSelect
          label="Service"
          value={id}
          data={(known.includes(id) || id === '' ? known : [id, ...known]).map((value) => ({
            value,
            label: nameOf(value),
          }))}
          onChange={(event) => setId(event.currentTarget.value)}
        />
      }
      onClose={props.onClose}
    />
  )
}

const ServiceForm = (props: {
  id: string
  name: string
  before: RotationSchedule
  choice: ReactNode
  onClose: () => void
}) => {
  const save = useAct('scheduleServiceRotation', [...reads])
  const fields = useScheduleFields(props.before, 'not by a schedule')
  const { schedule } = fields
  return (
    <FormDialog
      opened
      title="Schedule of a service"
      submit="Save schedule"
      busy={save.isPending}
      error={save.error}
      blocked={schedule === null || props.id === ''}
      onSubmit={() =>
        schedule &&
        save.mutate(
          { params: { service: props.id }, body: schedule },
          {
            onSuccess: () => {
              tellDone(`${props.name}: ${words(schedule)}.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      {props.choice}
      {fields.inputs}
    </FormDialog>
  )
}

const AgeDialog = (props: { chosen: string; all: All; onClose: () => void }) => {
  const organizations = useRead('listOrganizations', { query: { limit: 200 } })
  const save = useAct('setMaximumKeyAge', [...reads])
  const items = organizations.data?.items ?? []
  const [id, setId] = useState(props.chosen)
  const organization = id || (items[0]?.id ?? '')
  const before = props.all.organizations.find(({ organizationId }) => organizationId === organization)
  const [text, setText] = useState(before ? String(before.maximumAgeDays) : '')
  const days = text.trim() === '' ? null : Number(text)
  const isMistaken = days !== null && (!Number.isInteger(days) || days < 1 || days > 3650)
  const name = items.find((each) => each.id === organization)?.name ?? ''
  return (
    <FormDialog
      opened
      title="Oldest allowed"
      submit="Save"
      busy={save.isPending}
      error={save.error}
      blocked={organization === '' || isMistaken}
      onSubmit={() =>
        save.mutate(
          { params: { organization }, body: { maximumAgeDays: days } },
          {
            onSuccess: () => {
              tellDone(
                days === null
                  ? `${name}: keys may become of any age.`
                  : `${name}: keys may become ${counted(days, 'day')} old.`,
              )
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <NativeSelect
        label="Organisation"
        value={organization}
        data={items.map((each) => ({ value: each.id, label: each.name }))}
        onChange={(event) => setId(event.currentTarget.value)}
      />
      <TextInput
        label="Days"
        description="Empty: of any age."
        inputMode="numeric"
        error={isMistaken ? 'A whole number of days, 1 to 3650.' : null}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
