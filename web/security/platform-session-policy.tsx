import { useRead } from '../data/queries.ts'
import { Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { PolicyForm } from './policy-form.tsx'
import classes from './security.module.css'

/** What is asked of those who run this installation, wherever they work. */
export const PlatformSessionPolicy = () => {
  const read = useRead('readPlatformSessionPolicy', {})
  return (
    <Page
      narrow
      title="Administrators’ sessions"
      description="How sessions of platform administrators begin and end, in whichever organisation they work. It holds from the next request of each session on."
    >
      <Loaded of={read} skeleton={<div className={classes.factorSkeleton} />}>
        {({ policy, yourAddress }) => (
          <PolicyForm
            key={JSON.stringify(policy)}
            of="platform"
            policy={policy}
            yourAddress={yourAddress}
            mayChange
          />
        )}
      </Loaded>
    </Page>
  )
}
