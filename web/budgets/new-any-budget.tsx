import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { useAct, useRead } from '../data/queries.ts'
import { browserTimeZone } from '../ui/format.ts'
import { tellDone } from '../ui/toast.tsx'
import { dateIn, monthBefore } from '../usage/period.ts'
import { NewBudget } from './new-budget.tsx'

/** On an organisation, one of its users, a service, or a user at a service. */
export const NewAnyBudget = (props: { onClose: () => void }) => {
  const create = useAct('createAnyBudget', ['listAllBudgets'])
  const [organization, setOrganization] = useState('')
  const [userId, setUserId] = useState('')
  const [serviceId, setServiceId] = useState('')
  const organizations = useRead('listOrganizations', { query: { limit: 200 } })
  const users = useRead(
    'listUsers',
    { query: { organization, limit: 200 } },
    { enabled: organization !== '' },
  )
  const services = useRead('listServices', {})
  const [today] = useState(() => dateIn(new Date(), browserTimeZone()))
  const report = useRead(
    'readAllUsage',
    {
      query: {
        from: monthBefore(today),
        to: today,
        timeZone: browserTimeZone(),
        organization,
        user: userId || undefined,
        service: serviceId || undefined,
      },
    },
    { enabled: organization !== '' },
  )
  return (
    <NewBudget
      busy={create.isPending}
      error={create.error}
      scopeFault={organization === ''}
      subscription={userId !== ''}
      report={organization === '' ? undefined : report.data}
      scope={
        <>
          <NativeSelect
            label="Organisation"
            required
            value={organization}
            data={[
              { value: '', label: 'Choose one' },
              ...(organizations.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(event) => {
              setOrganization(event.currentTarget.value)
              setUserId('')
            }}
          />
          <NativeSelect
            label="User"
            value={userId}
            disabled={organization === ''}
            data={[
              { value: '', label: 'Everybody in it' },
              ...(users.data?.items ?? []).map(({ id, name, email }) => ({
                value: id,
                label: `${name}, ${email}`,
              })),
            ]}
            onChange={(event) => setUserId(event.currentTarget.value)}
          />
          <NativeSelect
            label="Service"
            value={serviceId}
            data={[
              { value: '', label: 'All services' },
              ...(services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(event) => setServiceId(event.currentTarget.value)}
          />
        </>
      }
      onCreate={(draft) =>
        create.mutate(
          {
            params: { organization },
            body: { ...draft, userId: userId || null, serviceId: serviceId || null },
          },
          {
            onSuccess: () => {
              tellDone(`“${draft.name}” is in force.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    />
  )
}
