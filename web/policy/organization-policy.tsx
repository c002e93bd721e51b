import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useRead } from '../data/queries.ts'
import { Page } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { policyOf } from './policy-place.ts'
import { PolicyPanel } from './policy-panel.tsx'

const route = getRouteApi('/shell/admin/organizations/$id')

/** Of any organisation, for platform administrators. */
export const OrganizationPolicy = () => {
  const { id } = route.useParams()
  const organization = useRead('readOrganization', { params: { id } })
  const place = useMemo(() => policyOf(id), [id])
  return (
    <Page
      title={organization.data?.name ?? 'Organisation'}
      above={
        <TextLink quiet>
          <Link to="/admin/organizations">Organisations</Link>
        </TextLink>
      }
      description="Its control policy: whose service keys may be used, and what for."
    >
      <PolicyPanel key={id} place={place} />
    </Page>
  )
}
