import { Button } from '@mantine/core'
import { IconUserX } from '@tabler/icons-react'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import classes from '../shell/shell.module.css'
import { Moment } from '../ui/figures.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'

/** On every page, so that whoever signs in within the grace time sees that they can stay. */
export const KeptAccount = () => {
  const { user } = useMe()
  const keep = useAct('cancelUserDeletion', ['readMe'])
  if (user.deleteAt === null) return null
  return (
    <section className={classes.sealed} aria-label="Account">
      <IconUserX size={15} stroke={1.8} aria-hidden />
      <span>
        <strong>Your account is to be deleted</strong> on <Moment at={user.deleteAt} />. Until then everything
        works as before.
      </span>
      <Button
        size="compact-sm"
        variant="default"
        loading={keep.isPending}
        onClick={() =>
          keep.mutate(
            {},
            {
              onSuccess: () =>
                tellDone(
                  'Your account stays. Take a subscription that was cancelled up again if you want it.',
                ),
              onError: tellFault,
            },
          )
        }
      >
        Keep my account
      </Button>
    </section>
  )
}
