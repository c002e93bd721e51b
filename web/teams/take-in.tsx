import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import type { TeamView } from '../../src/contract/teams.ts'
import { useAct, useRead } from '../data/queries.ts'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './teams.module.css'

/** Members of the organisation who are not in the team yet. */
export const TakeIn = ({ team, onClose }: { team: TeamView; onClose: () => void }) => {
  const [search, setSearch] = useState('')
  const found = useRead('listTeamCandidates', { params: { id: team.id }, query: { search } })
  const add = useAct('setTeamMember', ['readTeam', 'listTeams', 'listTeamCandidates'])
  return (
    <Modal opened title={`Take members into “${team.name}”`} onClose={onClose}>
      <div className={classes.stack}>
        <SearchField label="Search members of the organisation" text={search} onSearch={setSearch} />
        <Loaded of={found} skeleton={<Lines count={4} />}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState title={search === '' ? 'Everybody is in it' : 'Nobody is called so'}>
                {search === ''
                  ? 'All members of the organisation are in this team.'
                  : 'Search for another part of their name or e-mail address.'}
              </EmptyState>
            ) : (
              <ul className={classes.found} aria-label="Members of the organisation">
                {items.map((one) => (
                  <li key={one.userId}>
                    <span className={classes.who}>
                      <span className={classes.name}>{one.name}</span>
                      <span className={classes.email}>
                        {one.kind === 'service_account' ? 'Service account' : one.email}
                      </span>
                    </span>
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Take in ${one.name}`}
                      loading={add.isPending && add.variables.params.user === one.userId}
                      onClick={() =>
                        add.mutate(
                          { params: { id: team.id, user: one.userId }, body: { role: 'member' } },
                          { onSuccess: () => tellDone(`${one.name} is in the team.`), onError: tellFault },
                        )
                      }
                    >
                      Take in
                    </Button>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
    </Modal>
  )
}
