import { Button, NativeSelect } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { BudgetMeasure, BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { BudgetItem } from './budget-item.tsx'
import classes from './budgets.module.css'
import { MembersDialog } from './each-member.tsx'
import { NewBudget } from './new-budget.tsx'
import { budgetReads, EditOwnBudget, useBudgetArchive } from './own-acts.tsx'

/** What budgets are set on: a team, or a key that the organisation shares. */
export interface BudgetPlace {
  readonly team?: string
  readonly serviceKey?: string
  /** `team` or `key`, in words. */
  readonly what: 'team' | 'key'
}

/** The budgets on a team or a shared key, as a whole and for each member; for those who see what everybody uses. */
export const ScopeBudgets = (props: { place: BudgetPlace }) => {
  const { what, ...query } = props.place
  const { role } = useMe()
  const mayManage = may(role, 'budgets.manage')
  const budgets = useRead('listOrganizationBudgets', { query }, { refreshSeconds: 20 })
  const archive = useBudgetArchive()
  const [creating, setCreating] = useState(false)
  const [editing, setEditing] = useState<BudgetViewOnWire | null>(null)
  const [opened, setOpened] = useState<BudgetViewOnWire | null>(null)
  const add = mayManage && (
    <Button
      size="compact-md"
      variant="default"
      leftSection={<IconPlus size={15} />}
      onClick={() => setCreating(true)}
    >
      New budget
    </Button>
  )
  return (
    <Panel
      flush
      title="Budgets"
      description={
        what === 'team'
          ? 'What may be used with the team’s access tokens, by all together or by each member.'
          : 'What may be spent on this key, by all together or by each member.'
      }
      actions={budgets.data && budgets.data.items.length > 0 && add}
    >
      <Loaded of={budgets} skeleton={<Block height={120} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No budgets" action={add}>
              {what === 'team'
                ? 'The team uses as much as its members may.'
                : 'The key is used as much as its service allows.'}
            </EmptyState>
          ) : (
            <ul className={classes.list} aria-label="Budgets">
              {items.map((budget) => (
                <BudgetItem
                  key={budget.id}
                  budget={budget}
                  acts={{
                    reader: 'administrator',
                    onOpen: setOpened,
                    onEdit: setEditing,
                    onArchive: archive.archive,
                    onRestore: archive.restore,
                    renderUsed: (_, shown) => shown,
                  }}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      {creating && <NewScopeBudget place={props.place} onClose={() => setCreating(false)} />}
      {editing && <EditOwnBudget budget={editing} onClose={() => setEditing(null)} />}
      {opened && <MembersDialog budget={opened} onClose={() => setOpened(null)} />}
    </Panel>
  )
}

const NewScopeBudget = ({ place, onClose }: { place: BudgetPlace; onClose: () => void }) => {
  const create = useAct('createOrganizationBudget', budgetReads)
  const [eachMember, setEachMember] = useState(false)
  const only: { onlyMeasure?: BudgetMeasure } =
    place.serviceKey === undefined ? {} : { onlyMeasure: 'own_key_cost' }
  return (
    <NewBudget
      {...only}
      busy={create.isPending}
      error={create.error}
      scopeFault={false}
      subscription={false}
      report={null}
      scope={
        <NativeSelect
          label="For"
          value={eachMember ? 'each' : 'all'}
          data={[
            { value: 'all', label: place.what === 'team' ? 'The whole team' : 'The whole key' },
            { value: 'each', label: 'Each member, as much' },
          ]}
          onChange={(event) => setEachMember(event.currentTarget.value === 'each')}
        />
      }
      onCreate={(draft) =>
        create.mutate(
          {
            body: {
              ...draft,
              period: 'calendar_month',
              teamId: place.team ?? null,
              serviceKeyId: place.serviceKey ?? null,
              eachMember,
            },
          },
          {
            onSuccess: () => {
              tellDone(`“${draft.name}” is in force.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    />
  )
}
