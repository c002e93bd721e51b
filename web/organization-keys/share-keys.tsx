import { useOrganizationKeyActions } from '../data/key-actions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { ImportDialog } from '../hygiene/import-dialog.tsx'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'
import { useTeamChoice } from './team-choice.tsx'

export const ShareKey = (props: { onClose: () => void }) => {
  const { teamIds, isIncomplete, inputs } = useTeamChoice()
  const services = useRead('listServices', {})
  const actions = useOrganizationKeyActions(teamIds)
  return (
    <AddKeyDialog
      opened
      title="Share a key"
      services={services.data?.items ?? []}
      actions={actions}
      serviceId={null}
      options={inputs}
      isIncomplete={isIncomplete}
      onClose={props.onClose}
    />
  )
}

export const ImportSharedKeys = (props: { onClose: () => void }) => {
  const { teamIds, isIncomplete, inputs } = useTeamChoice()
  const preview = useAct('previewOwnOrganizationKeyImport')
  const add = useAct('importOwnOrganizationKeys', [
    'listOwnOrganizationKeys',
    'listServiceKeys',
    'listServices',
    'readKeyHygiene',
  ])
  return (
    <ImportDialog
      title="Import keys to share"
      of={{
        preview,
        add: { ...add, lines: (text, lines) => add.mutateAsync({ body: { text, lines, teamIds } }) },
        options: inputs,
        isIncomplete,
      }}
      onClose={props.onClose}
    />
  )
}
