import type { KeyRotation } from '../../src/contract/rotation.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { scheduleWords } from './rotation-words.ts'
import { useScheduleFields } from './schedule-fields.tsx'

/** When one key is rotated, or when its owner is reminded. */
export const ScheduleDialog = (props: { of: KeyRotation; actions: RotationActions; onClose: () => void }) => {
  const { of, actions } = props
  const fields = useScheduleFields(of.schedule, 'as its service and organisation say')
  const { schedule } = fields
  const close = () => {
    actions.schedule.reset()
    props.onClose()
  }
  return (
    <FormDialog
      opened
      title={`Schedule of “${of.key.label}”`}
      submit="Save schedule"
      busy={actions.schedule.isPending}
      error={actions.schedule.error}
      blocked={schedule === null}
      onSubmit={() =>
        schedule &&
        actions.schedule.mutate(
          { key: of.key, schedule },
          {
            onSuccess: (now) => {
              tellDone(`“${of.key.label}”: ${scheduleWords(now)}.`)
              close()
            },
          },
        )
      }
      onClose={close}
    >
      <p>
        {of.automatic
          ? 'It rotates by itself when its time has come.'
          : 'You are reminded when its time has come; the new key is yours to make.'}
        {of.maximumAgeDays !== null &&
          ` A key may become ${of.maximumAgeDays} days old at most; an earlier time is fine.`}
      </p>
      {fields.inputs}
    </FormDialog>
  )
}
