import { Button } from '@mantine/core'
import { IconGauge } from '@tabler/icons-react'
import type { RateLimits } from '../../src/contract/limits.ts'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { limitsText, unlimited } from '../limits/limit-words.ts'
import classes from '../limits/limits.module.css'

const useSystemKeyLimits = (id: string): RateLimits | undefined =>
  useRead('listSystemKeyLimits', {}).data?.items.find((each) => each.id === id)?.limits

/** Under a system key: what it is limited to; nothing where it is not. */
export const SystemKeyLimitLine = (props: { id: string }) => {
  const text = limitsText(useSystemKeyLimits(props.id))
  if (text === null) return null
  return (
    <p className={classes.line}>
      <IconGauge size={14} aria-hidden />
      Limited to {text}.
    </p>
  )
}

export const SystemKeyLimitsDialog = (props: { serviceKey: ServiceKey; onClose: () => void }) => {
  const { serviceKey, onClose } = props
  const before = useSystemKeyLimits(serviceKey.id) ?? unlimited
  const fields = useLimitFields(before)
  const set = useAct('setSystemKeyLimits', ['listSystemKeyLimits'])
  const { limits } = fields
  const send = (body: RateLimits) => set.mutateAsync({ params: { id: serviceKey.id }, body })
  const save = () => {
    if (limits === null) return
    void send(limits).then(
      () => {
        const text = limitsText(limits)
        tellDone(
          text === null ? `“${serviceKey.label}” is not limited.` : `“${serviceKey.label}”: ${text}.`,
          () => send(before),
        )
        onClose()
      },
      // Shown in the form.
      () => undefined,
    )
  }
  return (
    <FormDialog
      opened
      title={`Rate limits of “${serviceKey.label}”`}
      submit="Save limits"
      busy={set.isPending}
      error={set.error}
      blocked={limits === null || !fields.isChanged}
      onSubmit={save}
      onClose={onClose}
    >
      <p>
        While the key is at a limit, the next key is used. Set them a little below what the service allows the
        account.
      </p>
      {fields.inputs}
      {fields.isAny && (
        <div className={classes.buttons}>
          <Button size="compact-sm" variant="subtle" color="gray" onClick={fields.clear}>
            Clear all limits
          </Button>
        </div>
      )}
    </FormDialog>
  )
}
