import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { BreakGlass } from './break-glass.tsx'
import { PolicyForm } from './policy-form.tsx'
import classes from './security.module.css'

/** What the organisation asks of its members' sessions, and who gets in when its own sign-on does not work. */
export const SessionPolicy = () => {
  const me = useMe()
  const read = useRead('readSessionPolicy', {})
  return (
    <Page
      narrow
      title="Session policy"
      description="How members’ sessions begin and end here. It holds from the next request of each session on."
    >
      <Loaded of={read} skeleton={<div className={classes.factorSkeleton} />}>
        {({ policy, breakGlass, yourAddress }) => (
          <>
            <PolicyForm
              key={JSON.stringify(policy)}
              of="organization"
              policy={policy}
              yourAddress={yourAddress}
              mayChange={may(me.role, 'identity.manage')}
            />
            <BreakGlass accounts={breakGlass} mayChange={may(me.role, 'organization.own')} />
          </>
        )}
      </Loaded>
    </Page>
  )
}
