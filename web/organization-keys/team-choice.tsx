import { MultiSelect, Radio } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { OrganizationKey } from '../../src/contract/organization-keys.ts'
import { useRead } from '../data/queries.ts'
import classes from './organization-keys.module.css'

export interface TeamChoice {
  /** null: every member. */
  readonly teamIds: string[] | null
  /** Some teams are meant and none is chosen. */
  readonly isIncomplete: boolean
  readonly inputs: ReactNode
}

/** Who a shared key serves. Archived teams of before are left out: nobody calls for them. */
export const useTeamChoice = (before: OrganizationKey['teams'] = null): TeamChoice => {
  const [only, setOnly] = useState(before !== null)
  const [chosen, setChosen] = useState(
    (before ?? []).filter(({ isArchived }) => !isArchived).map(({ id }) => id),
  )
  const teams = useRead('listTeams', { query: {} })
  const archived = (before ?? []).filter(({ isArchived }) => isArchived)
  const hasNone = teams.data?.items.length === 0
  return {
    teamIds: only ? chosen : null,
    isIncomplete: only && chosen.length === 0,
    inputs: (
      <div className={classes.choice}>
        <Radio.Group
          label="Who it serves"
          value={only ? 'teams' : 'all'}
          onChange={(value) => setOnly(value === 'teams')}
        >
          <div className={classes.choices}>
            <Radio value="all" label="Every member" />
            <Radio
              value="teams"
              label="Some teams"
              disabled={hasNone}
              description={
                hasNone
                  ? 'There is no team yet. Make one under Teams first.'
                  : 'Calls with the teams’ access tokens, and calls of their members with a token of no team.'
              }
            />
          </div>
        </Radio.Group>
        {only && (
          <MultiSelect
            label="Teams"
            description={
              archived.length > 0 &&
              `Archived, and left out once you save: ${archived.map(({ name }) => name).join(', ')}.`
            }
            placeholder={chosen.length === 0 ? 'Choose at least one' : undefined}
            data={(teams.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
            value={chosen}
            onChange={setChosen}
            searchable
          />
        )}
      </div>
    ),
  }
}
