import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useSystemKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useManagedRotationActions } from '../data/rotation-actions.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { KeyView } from './key-view.tsx'
import { lastTwoWeeks, ServiceUse } from './service-use.tsx'
import { useFollow } from './use-follow.ts'

const route = getRouteApi('/shell/admin/keys/$id')

const above = (
  <TextLink quiet>
    <Link to="/admin/system-keys">System keys</Link>
  </TextLink>
)

/** A system key, or the key of an organisation, as administrators see it. */
export const ManagedKeyPage = () => {
  const { id } = route.useParams()
  const navigate = useNavigate()
  const [isBusy, setIsBusy] = useState(false)
  const refreshSeconds = isBusy ? 2 : 20
  const keyRotations = useRead('listKeyRotations', {}, { refreshSeconds })
  const keyRotation = keyRotations.data?.items.find(({ key }) => key.id === id)
  const organization = keyRotation?.key.organizationId ?? ''
  const isSystem = keyRotation?.key.owner === 'system'
  const systemKeys = useRead('listSystemKeys', {}, { refreshSeconds: 15 })
  const organizationKeys = useRead(
    'listOrganizationKeys',
    { params: { organization } },
    { enabled: keyRotation?.key.owner === 'organization' },
  )
  const serviceKey = [...(systemKeys.data?.items ?? []), ...(organizationKeys.data?.items ?? [])].find(
    (key) => key.id === id,
  )
  const rotations = useRead('listRotations', { query: { serviceKeyId: id, limit: 20 } }, { refreshSeconds })
  const open = rotations.data?.items.find((rotation) => !rotation.isOver)
  useFollow(open, ['listSystemKeyVersions', 'listKeyRotations', 'listSystemKeys', 'listSystemKeyChecks'])
  if ((open !== undefined) !== isBusy) setIsBusy(open !== undefined)
  const detail = useRead(
    'readRotation',
    { params: { id: open?.id ?? id } },
    { enabled: open !== undefined, refreshSeconds: 2 },
  )
  const versions = useRead(
    'listSystemKeyVersions',
    { params: { organization, id } },
    { enabled: organization !== '', refreshSeconds },
  )
  const checks = useRead('listSystemKeyChecks', { params: { id } }, { enabled: isSystem })
  const [period] = useState(() => lastTwoWeeks(new Date()))
  const use = useRead(
    'readAllUsage',
    { query: { by: 'service', ...period, service: serviceKey?.serviceId } },
    { enabled: isSystem && serviceKey !== undefined },
  )
  const keyActions = useSystemKeyActions()
  const rotationActions = useManagedRotationActions()
  const isLooked =
    systemKeys.data !== undefined &&
    keyRotations.data !== undefined &&
    (keyRotation?.key.owner !== 'organization' || organizationKeys.data !== undefined)
  const reading = {
    data: serviceKey || isLooked ? true : undefined,
    error: keyRotations.error ?? systemKeys.error ?? organizationKeys.error,
    refetch: () => Promise.all([keyRotations.refetch(), systemKeys.refetch()]),
  }
  return (
    <Loaded
      of={reading}
      skeleton={
        <Page title="Key" above={above}>
          <Block height={620} narrow={1100} />
        </Page>
      }
    >
      {() =>
        serviceKey === undefined ? (
          <Page title="Key" above={above}>
            <EmptyState
              title="There is no such key"
              action={
                <TextLink>
                  <Link to="/admin/system-keys">Show all system keys</Link>
                </TextLink>
              }
            >
              It was revoked, or it is neither a system key nor one of an organisation.
            </EmptyState>
          </Page>
        ) : (
          <KeyView
            of={{
              serviceKey,
              keyRotation,
              versions: versions.data?.items,
              rotations: rotations.data?.items,
              current: open && detail.data?.id === open.id ? detail.data : undefined,
              checks: isSystem ? checks.data?.items : null,
              fault: versions.error ?? rotations.error,
            }}
            above={above}
            mayManage={isSystem}
            keyActions={keyActions}
            rotationActions={rotationActions}
            onGone={() => void navigate({ to: '/admin/system-keys' })}
            use={
              use.data && (
                <Panel
                  title="Use"
                  description="Of all system keys of this service together."
                  actions={
                    <TextLink>
                      <Link to="/admin/usage" search={{ service: serviceKey.serviceId }}>
                        Usage and cost
                      </Link>
                    </TextLink>
                  }
                >
                  <ServiceUse of={use.data} payer="system" />
                </Panel>
              )
            }
          />
        )
      }
    </Loaded>
  )
}
