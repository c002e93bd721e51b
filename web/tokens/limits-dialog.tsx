import { Button } from '@mantine/core'
import type { AccessToken } from '../../src/contract/access-tokens.ts'
import type { RateLimits } from '../../src/contract/limits.ts'
import { useAct } from '../data/queries.ts'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { unlimited } from '../limits/limit-words.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { LimitFields } from './limit-fieldset.tsx'

/** The limits of a token that there is; in force everywhere once it is saved. */
export const LimitsDialog = (props: {
  token: AccessToken
  limits: RateLimits | undefined
  onClose: () => void
}) => {
  const { token } = props
  const fields = useLimitFields(props.limits ?? unlimited)
  const set = useAct('setAccessTokenLimits', ['listAccessTokenLimits'])
  return (
    <FormDialog
      opened
      title={`Limits of “${token.name}”`}
      submit="Save limits"
      busy={set.isPending}
      error={set.error}
      blocked={fields.limits === null || !fields.isChanged}
      onSubmit={() =>
        fields.limits &&
        set.mutate(
          { params: { id: token.id }, body: fields.limits },
          {
            onSuccess: () => {
              tellDone(`The limits of “${token.name}” are saved.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <LimitFields inputs={fields.inputs} />
      {fields.isAny && (
        <div>
          <Button variant="subtle" color="gray" size="compact-sm" onClick={fields.clear}>
            No limits
          </Button>
        </div>
      )}
    </FormDialog>
  )
}
