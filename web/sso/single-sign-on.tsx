import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { Domains } from './domains.tsx'
import { Providers } from './providers.tsx'

/** For those who run a company: its e-mail domains and the identity providers that people sign in at. */
export const SingleSignOn = () => {
  const sso = useRead('readSso', {})
  const mayChange = may(useMe().role, 'identity.manage')
  return (
    <Page
      title="Single sign-on"
      description="People sign in at your company’s identity provider. Its word counts in this organisation and nowhere else."
    >
      <Loaded of={sso} skeleton={<Block height={420} narrow={620} />}>
        {({ domains, connections, next }) => (
          <>
            <Providers connections={connections} next={next} mayChange={mayChange} />
            <Domains
              domains={domains}
              hasWorked={connections.some(({ enabled, lastUsedAt }) => enabled && lastUsedAt !== null)}
              mayChange={mayChange}
            />
          </>
        )}
      </Loaded>
    </Page>
  )
}
