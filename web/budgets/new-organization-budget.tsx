import { NativeSelect, Switch } from '@mantine/core'
import { useState } from 'react'
import type { UsageReport } from '../../src/contract/usage.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { MemberSelect } from '../organization/member-select.tsx'
import { browserTimeZone } from '../ui/format.ts'
import { tellDone } from '../ui/toast.tsx'
import { dateIn, monthBefore } from '../usage/period.ts'
import classes from './budgets.module.css'
import { NewBudget } from './new-budget.tsx'
import { budgetReads } from './own-acts.tsx'

type On = 'organization' | 'team' | 'member' | 'key'

/** On the organisation, a team, a member or a shared key, as a whole or on each member; at one service or all. */
export const NewOrganizationBudget = (props: { onClose: () => void }) => {
  const { role } = useMe()
  const create = useAct('createOrganizationBudget', budgetReads)
  const [on, setOn] = useState<On>('organization')
  const [teamId, setTeamId] = useState('')
  const [userId, setUserId] = useState<string | null>(null)
  const [serviceKeyId, setServiceKeyId] = useState('')
  const [serviceId, setServiceId] = useState('')
  const [eachMember, setEachMember] = useState(false)
  const seesKeys = may(role, 'organization_keys.read')
  const teams = useRead('listTeams', { query: {} })
  const keys = useRead('listOwnOrganizationKeys', {}, { enabled: seesKeys })
  const services = useRead('listServices', {})
  const scope = {
    teamId: on === 'team' ? teamId || null : null,
    userId: on === 'member' ? userId : null,
    serviceKeyId: on === 'key' ? serviceKeyId || null : null,
    // A key is one service's already.
    serviceId: on === 'key' ? null : serviceId || null,
    eachMember: on !== 'member' && eachMember,
  }
  const isOpen = on !== 'organization' && (scope.teamId ?? scope.userId ?? scope.serviceKeyId) === null
  const report = usePastUse(scope, !isOpen)
  return (
    <NewBudget
      {...(on === 'key' && { onlyMeasure: 'own_key_cost' })}
      busy={create.isPending}
      error={create.error}
      scopeFault={isOpen}
      subscription={on === 'member'}
      report={report}
      scope={
        <>
          <NativeSelect
            label="On"
            value={on}
            data={[
              { value: 'organization', label: 'The whole organisation' },
              { value: 'team', label: 'A team' },
              { value: 'member', label: 'A member' },
              ...(seesKeys ? [{ value: 'key', label: 'A shared key' }] : []),
            ]}
            onChange={(event) => setOn(event.currentTarget.value as On)}
          />
          {on === 'team' && (
            <NativeSelect
              label="Team"
              required
              value={teamId}
              data={[
                { value: '', label: teams.data?.items.length === 0 ? 'There is no team yet' : 'Choose one' },
                ...(teams.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
              ]}
              onChange={(event) => setTeamId(event.currentTarget.value)}
            />
          )}
          {on === 'member' && <MemberSelect label="Member" value={userId} onChange={setUserId} />}
          {on === 'key' && (
            <NativeSelect
              label="Key"
              required
              value={serviceKeyId}
              data={[
                { value: '', label: keys.data?.items.length === 0 ? 'No key is shared yet' : 'Choose one' },
                ...(keys.data?.items ?? []).map(({ id, label }) => ({ value: id, label })),
              ]}
              onChange={(event) => setServiceKeyId(event.currentTarget.value)}
            />
          )}
          {on !== 'key' && (
            <NativeSelect
              label="Service"
              value={serviceId}
              data={[
                { value: '', label: 'All services' },
                ...(services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
              ]}
              onChange={(event) => setServiceId(event.currentTarget.value)}
            />
          )}
          {on !== 'member' && (
            <Switch
              className={classes.each}
              label="For each member"
              description="Every member has as much, instead of all together."
              checked={eachMember}
              onChange={(event) => setEachMember(event.currentTarget.checked)}
            />
          )}
        </>
      }
      onCreate={(draft) =>
        create.mutate(
          { body: { ...draft, ...scope } },
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

interface Scope {
  readonly teamId: string | null
  readonly userId: string | null
  readonly serviceKeyId: string | null
  readonly serviceId: string | null
  readonly eachMember: boolean
}

/** What was used of it since the month before; null where no report tells. */
const usePastUse = (
  { teamId, userId, serviceKeyId, serviceId, eachMember }: Scope,
  isKnown: boolean,
): UsageReport | undefined | null => {
  const [today] = useState(() => dateIn(new Date(), browserTimeZone()))
  const isTold = isKnown && !eachMember && serviceKeyId === null && teamId === null
  const report = useRead(
    'readOrganizationUsage',
    {
      query: {
        from: monthBefore(today),
        to: today,
        timeZone: browserTimeZone(),
        user: userId ?? undefined,
        service: serviceId ?? undefined,
      },
    },
    { enabled: isTold },
  )
  return isTold ? report.data : null
}
