import { Button, NativeSelect, Radio, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { CostCentre, CostCentreAssignment } from '../../src/contract/oversight.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './oversight.module.css'

const reads = ['listCostCentres', 'readChargeBack', 'readOrganizationUsage'] as const

/** Where use is charged to, and who to which. */
export const CostCentres = () => {
  const { role } = useMe()
  const mayChange = may(role, 'billing.manage')
  const centres = useRead('listCostCentres', {})
  const [editing, setEditing] = useState<CostCentre | 'new' | null>(null)
  const [assigning, setAssigning] = useState<CostCentreAssignment | null>(null)
  const add = mayChange && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
      New cost centre
    </Button>
  )
  return (
    <Loaded of={centres} skeleton={<Block height={260} narrow={420} />}>
      {({ items, assignments }) => (
        <>
          <Panel
            flush
            title="Cost centres"
            description="Members are assigned to them; what was used before stays where it was charged."
            actions={items.length > 0 && add}
          >
            {items.length === 0 ? (
              <EmptyState title="No cost centres yet" action={add}>
                Write them as your accounting does, then assign members: their use is charged there from then
                on.
              </EmptyState>
            ) : (
              <DataTable
                label="Cost centres"
                rows={items}
                rowKey={({ code }) => code}
                columns={[
                  { key: 'code', header: 'Code', render: ({ code }) => <code>{code}</code> },
                  { key: 'name', header: 'Name', render: ({ name }) => name },
                  {
                    key: 'members',
                    header: 'Assigned',
                    render: ({ members, teams, archivedAt }) =>
                      archivedAt === null
                        ? `${counted(members, 'member')}, ${counted(teams, 'team')}`
                        : 'Archived',
                  },
                  {
                    key: 'actions',
                    header: '',
                    align: 'end',
                    render: (row) =>
                      mayChange && (
                        <Button size="compact-sm" variant="default" onClick={() => setEditing(row)}>
                          Change<span className="visually-hidden"> {row.code}</span>
                        </Button>
                      ),
                  },
                ]}
              />
            )}
          </Panel>
          {items.length > 0 && (
            <Panel
              flush
              title="Teams and members"
              description="What is called with a team’s access token is charged to the team’s cost centre, where it has one."
            >
              <DataTable
                label="Teams, members and their cost centres"
                rows={assignments}
                rowKey={({ id }) => id}
                columns={[
                  {
                    key: 'name',
                    header: 'Team or member',
                    render: ({ name, email, kind }) => (
                      <span className={classes.name}>
                        {name}
                        <span className={classes.second}>{kind === 'team' ? 'Team' : email}</span>
                      </span>
                    ),
                  },
                  {
                    key: 'code',
                    header: 'Cost centre',
                    render: ({ code }) => (code === null ? 'None' : <code>{code}</code>),
                  },
                  { key: 'since', header: 'Since', render: ({ since }) => <Ago at={since} never="—" /> },
                  {
                    key: 'actions',
                    header: '',
                    align: 'end',
                    render: (row) =>
                      mayChange && (
                        <Button size="compact-sm" variant="default" onClick={() => setAssigning(row)}>
                          Assign<span className="visually-hidden"> {row.name}</span>
                        </Button>
                      ),
                  },
                ]}
              />
            </Panel>
          )}
          {editing && <EditCentre centre={editing} onClose={() => setEditing(null)} />}
          {assigning && (
            <Assign
              member={assigning}
              centres={items.filter(({ archivedAt }) => archivedAt === null)}
              onClose={() => setAssigning(null)}
            />
          )}
        </>
      )}
    </Loaded>
  )
}

const EditCentre = (props: { centre: CostCentre | 'new'; onClose: () => void }) => {
  const known = props.centre === 'new' ? null : props.centre
  const [code, setCode] = useState(known?.code ?? '')
  const [name, setName] = useState(known?.name ?? '')
  const save = useAct('saveCostCentre', reads)
  const isArchived = known?.archivedAt != null
  const store = (archived: boolean, told: string) =>
    save.mutate(
      { body: { code: code.trim(), name: name.trim(), archived } },
      {
        onSuccess: () => {
          props.onClose()
          tellDone(told)
        },
      },
    )
  return (
    <FormDialog
      opened
      title={known ? `Cost centre ${known.code}` : 'New cost centre'}
      submit={isArchived ? 'Restore' : 'Save'}
      busy={save.isPending}
      error={save.error}
      blocked={code.trim() === '' || name.trim() === ''}
      onSubmit={() => store(false, 'Saved.')}
      onClose={props.onClose}
    >
      {!known && (
        <TextInput
          label="Code"
          description="Letters, digits, dots, dashes and underscores; it cannot be changed later."
          value={code}
          maxLength={40}
          data-autofocus
          onChange={(event) => setCode(event.currentTarget.value)}
        />
      )}
      <TextInput
        label="Name"
        value={name}
        maxLength={80}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {known && !isArchived && (
        <Button
          variant="default"
          color="red"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => store(true, `${known.code} is archived; what it was charged stays.`)}
        >
          Archive it
        </Button>
      )}
    </FormDialog>
  )
}

const Assign = (props: {
  member: CostCentreAssignment
  centres: readonly CostCentre[]
  onClose: () => void
}) => {
  const { member } = props
  const [code, setCode] = useState(member.code ?? '')
  const [when, setWhen] = useState('now')
  const [day, setDay] = useState('')
  const assign = useAct(member.kind === 'team' ? 'assignTeamCostCentre' : 'assignCostCentre', reads)
  const from = when === 'now' ? undefined : new Date(`${day}T00:00:00`)
  return (
    <FormDialog
      opened
      title={`Where ${member.name}’s use is charged to`}
      submit="Assign"
      busy={assign.isPending}
      error={assign.error}
      blocked={when === 'day' && day === ''}
      onSubmit={() =>
        assign.mutate(
          {
            params: { id: member.id },
            body: { code: code === '' ? null : code, ...(from && { from: from.toISOString() }) },
          },
          {
            onSuccess: () => {
              props.onClose()
              tellDone(
                code === ''
                  ? `${member.name} has no cost centre now.`
                  : `${member.name} is assigned to ${code}.`,
              )
            },
            onError: tellFault,
          },
        )
      }
      onClose={props.onClose}
    >
      <NativeSelect
        label="Cost centre"
        value={code}
        data={[
          { value: '', label: 'None' },
          ...props.centres.map((centre) => ({ value: centre.code, label: `${centre.code} ${centre.name}` })),
        ]}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      <Radio.Group label="From when" value={when} onChange={setWhen}>
        <Radio value="now" label="From now on" mt={6} />
        <Radio
          value="day"
          label="From the beginning of a day"
          description="What was said for later days is replaced, and charged anew."
          mt={6}
        />
      </Radio.Group>
      {when === 'day' && (
        <TextInput
          type="date"
          label="Day"
          value={day}
          onChange={(event) => setDay(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  )
}
