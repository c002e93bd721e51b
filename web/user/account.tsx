import { Link } from '@tanstack/react-router'
import { useMe } from '../data/session.ts'
import { Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'

const roles = {
  owner: 'Owner',
  administrator: 'Administrator',
  billing: 'Billing',
  auditor: 'Auditor',
  member: 'Member',
} as const

export const Account = () => {
  const me = useMe()
  return (
    <Page narrow title="Account" description="Who you are here.">
      <Panel title="You">
        <Facts>
          <Fact name="Name">{me.user.name}</Fact>
          <Fact name="E-mail">{me.user.email}</Fact>
          {me.organization.kind !== 'personal' && (
            <Fact name="Organisation">
              {me.organization.name}, {roles[me.role].toLowerCase()}
            </Fact>
          )}
          <Fact name="Password">
            {me.user.hasPassword ? 'Set' : 'None: you came in by a link'}.{' '}
            <TextLink>
              <Link to="/security">Password and sessions</Link>
            </TextLink>
          </Fact>
        </Facts>
      </Panel>
    </Page>
  )
}
