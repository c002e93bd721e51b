import type { OrganizationKey } from '../../src/contract/organization-keys.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { counted } from '../ui/format.ts'
import { tellDone } from '../ui/toast.tsx'
import classes from './organization-keys.module.css'
import { useTeamChoice } from './team-choice.tsx'

/** In force everywhere once it is saved. */
export const TeamsDialog = ({
  serviceKey,
  onClose,
}: {
  serviceKey: OrganizationKey
  onClose: () => void
}) => {
  const { teamIds, isIncomplete, inputs } = useTeamChoice(serviceKey.teams)
  const set = useAct('setOwnOrganizationKeyTeams', [
    'listOwnOrganizationKeys',
    'listServiceKeys',
    'listServices',
  ])
  return (
    <FormDialog
      opened
      title={`Who “${serviceKey.label}” serves`}
      submit="Save"
      busy={set.isPending}
      error={set.error}
      blocked={isIncomplete}
      onSubmit={() =>
        set.mutate(
          { params: { id: serviceKey.id }, body: { teamIds } },
          {
            onSuccess: ({ label, teams }) => {
              tellDone(
                teams === null
                  ? `“${label}” serves every member.`
                  : `“${label}” is kept for ${counted(teams.length, 'team')}.`,
              )
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p className={classes.words}>
        Calls under way end on the key; the next call of anybody else goes on as their fallback says.
      </p>
      {inputs}
    </FormDialog>
  )
}
