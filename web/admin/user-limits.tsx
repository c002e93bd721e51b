import { Button } from '@mantine/core'
import type { AdminUser } from '../../src/contract/administration.ts'
import type { RateLimits } from '../../src/contract/limits.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FaultNotice, Lines, Loaded } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { limitsText } from '../limits/limit-words.ts'
import classes from './users.module.css'

/** Of a user, over all their access tokens together. */
export const UserLimits = ({ user }: { user: AdminUser }) => {
  const params = { organization: user.organizationId, id: user.id }
  const limits = useRead('readUserLimits', { params })
  return (
    <section className={classes.section}>
      <h3 className={classes.sectionTitle}>Rate limits</h3>
      <Loaded of={limits} skeleton={<Lines count={2} />}>
        {(data) => <LimitsForm key={JSON.stringify(data)} user={user} before={data} />}
      </Loaded>
    </section>
  )
}

const LimitsForm = ({ user, before }: { user: AdminUser; before: RateLimits }) => {
  const fields = useLimitFields(before)
  const set = useAct('setUserLimits', ['readUserLimits', 'listUserLimits'])
  const params = { organization: user.organizationId, id: user.id }
  const send = (body: RateLimits) => set.mutateAsync({ params, body })
  const save = (limits: RateLimits) => {
    const text = limitsText(limits)
    void send(limits).then(
      () =>
        tellDone(text === null ? `${user.name} is not limited.` : `${user.name}: ${text}.`, () =>
          send(before),
        ),
      // Shown in the form.
      () => undefined,
    )
  }
  return (
    <form
      className={classes.section}
      aria-label="Rate limits"
      onSubmit={(event) => {
        event.preventDefault()
        if (fields.limits !== null) save(fields.limits)
      }}
    >
      <p className={classes.email}>
        Over all access tokens together. What is over a limit is refused with 429.
      </p>
      {fields.inputs}
      {set.error && <FaultNotice error={set.error} />}
      <div className={classes.line}>
        <Button
          type="submit"
          variant="default"
          loading={set.isPending}
          disabled={fields.limits === null || !fields.isChanged}
        >
          Save limits
        </Button>
        {fields.isAny && (
          <Button variant="subtle" color="gray" onClick={fields.clear}>
            Clear
          </Button>
        )}
      </div>
    </form>
  )
}
