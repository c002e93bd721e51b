import type { OrganizationKey } from '../../src/contract/organization-keys.ts'
import { useAct } from '../data/queries.ts'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './organization-keys.module.css'

/** In force everywhere once they are saved. */
export const LimitsDialog = ({
  serviceKey,
  onClose,
}: {
  serviceKey: OrganizationKey
  onClose: () => void
}) => {
  const ofMember = useLimitFields(serviceKey.limits.eachMember)
  const ofKey = useLimitFields(serviceKey.limits.key)
  const set = useAct('setOwnOrganizationKeyLimits', ['listOwnOrganizationKeys'])
  return (
    <FormDialog
      opened
      size="lg"
      title={`Rate limits of “${serviceKey.label}”`}
      submit="Save limits"
      busy={set.isPending}
      error={set.error}
      blocked={ofMember.limits === null || ofKey.limits === null || !(ofMember.isChanged || ofKey.isChanged)}
      onSubmit={() =>
        ofMember.limits &&
        ofKey.limits &&
        set.mutate(
          {
            params: { id: serviceKey.id },
            body: { key: ofKey.limits, eachMember: ofMember.limits },
          },
          {
            onSuccess: () => {
              tellDone(`The limits of “${serviceKey.label}” are saved.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <fieldset className={classes.fieldset}>
        <legend>Each member</legend>
        <p className={classes.words}>
          Every member may use as much. Beyond it their calls go on as their fallback says, or are refused
          with the seconds to wait.
        </p>
        {ofMember.inputs}
      </fieldset>
      <fieldset className={classes.fieldset}>
        <legend>All together</legend>
        <p className={classes.words}>Set them a little below what the service allows the account.</p>
        {ofKey.inputs}
      </fieldset>
    </FormDialog>
  )
}
