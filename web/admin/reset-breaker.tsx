import type { Request } from '../../src/contract/endpoints.ts'
import { useAct } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

export interface ResetSubject {
  readonly name: string
  readonly body: Request<'resetBreaker'>['body']
}

export const ResetBreakerDialog = ({ subject, onClose }: { subject: ResetSubject; onClose: () => void }) => {
  const reset = useAct('resetBreaker', ['readHealthMatrix', 'readServiceHealth'])
  return (
    <ConfirmDialog
      opened
      title={`Call ${subject.name} again?`}
      submit="Reset breaker"
      busy={reset.isPending}
      error={reset.error}
      onConfirm={() =>
        reset.mutate(
          { body: subject.body },
          {
            onSuccess: () => {
              tellDone(`${subject.name} is called again.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>
        From now on every process calls <strong>{subject.name}</strong> without waiting for the next try. If
        it still fails, callers wait for those failures until it is paused again.
      </p>
    </ConfirmDialog>
  )
}
