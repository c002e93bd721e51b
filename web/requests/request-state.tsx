import { Link } from '@tanstack/react-router'
import type { AccessRequest } from '../../src/contract/requests.ts'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { whatOf } from './request-words.ts'

const states = {
  open: { tone: 'credits', text: 'Waiting' },
  approved: { tone: 'own', text: 'Approved' },
  declined: { tone: 'bad', text: 'Declined' },
  withdrawn: { tone: 'quiet', text: 'Withdrawn' },
} as const

export const StateMark = ({ request }: { request: Pick<AccessRequest, 'state' | 'grantedBy'> }) => {
  const { tone, text } = states[request.state]
  return (
    <Mark tone={tone} plain>
      {text}
      {request.grantedBy === 'exception' && ', by an exception'}
    </Mark>
  )
}

/** What became of asking for a service, where the service is shown. */
export const AskedWords = ({ request, name }: { request: AccessRequest; name: string }) => (
  <p>
    <StateMark request={request} />{' '}
    <TextLink quiet>
      <Link to="/requests">You asked for {whatOf(request, name)}</Link>
    </TextLink>{' '}
    <Ago at={request.createdAt} />
    {request.answer && <>: {request.answer}</>}
  </p>
)
