import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useOwnKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useOwnRotationActions } from '../data/rotation-actions.ts'
import { useMe } from '../data/session.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { KeyView } from './key-view.tsx'
import { lastTwoWeeks, ServiceUse } from './service-use.tsx'
import { useFollow } from './use-follow.ts'

const route = getRouteApi('/shell/keys/$id')

const above = (
  <TextLink quiet>
    <Link to="/services">Services</Link>
  </TextLink>
)

/** A key of the user, or of their organisation, which they may only look at. */
export const OwnKeyPage = () => {
  const { id } = route.useParams()
  const me = useMe()
  const navigate = useNavigate()
  const keys = useRead('listServiceKeys', {}, { refreshSeconds: 15 })
  const serviceKey = keys.data?.items.find((key) => key.id === id)
  const isOwn = serviceKey?.owner === 'user'
  const services = useRead('listServices', {})
  const service = services.data?.items.find((each) => each.id === serviceKey?.serviceId)
  const [isBusy, setIsBusy] = useState(false)
  const refreshSeconds = isBusy ? 2 : 20
  const keyRotations = useRead('listOwnKeyRotations', {}, { enabled: isOwn, refreshSeconds })
  const rotations = useRead(
    'listOwnRotations',
    { query: { serviceKeyId: id, limit: 20 } },
    { enabled: isOwn, refreshSeconds },
  )
  const open = rotations.data?.items.find((rotation) => !rotation.isOver)
  useFollow(open, ['listOwnKeyVersions', 'listOwnKeyRotations', 'listServiceKeys', 'listServiceKeyChecks'])
  if ((open !== undefined) !== isBusy) setIsBusy(open !== undefined)
  const detail = useRead(
    'readOwnRotation',
    { params: { id: open?.id ?? id } },
    { enabled: open !== undefined, refreshSeconds: 2 },
  )
  const versions = useRead('listOwnKeyVersions', { params: { id } }, { enabled: isOwn, refreshSeconds })
  const checks = useRead('listServiceKeyChecks', { params: { id } }, { enabled: isOwn })
  const [period] = useState(() => lastTwoWeeks(new Date()))
  const use = useRead(
    'readUsageReport',
    { query: { by: 'service', ...period, service: serviceKey?.serviceId } },
    { enabled: serviceKey !== undefined },
  )
  const keyActions = useOwnKeyActions()
  const rotationActions = useOwnRotationActions()
  return (
    <Loaded
      of={keys}
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
                  <Link to="/services">Show all services</Link>
                </TextLink>
              }
            >
              It was revoked, or it is not yours.
            </EmptyState>
          </Page>
        ) : (
          <KeyView
            of={{
              serviceKey,
              keyRotation: keyRotations.data?.items.find(({ key }) => key.id === id),
              versions: isOwn ? versions.data?.items : [],
              rotations: rotations.data?.items,
              current: open && detail.data?.id === open.id ? detail.data : undefined,
              checks: isOwn ? checks.data?.items : null,
              fault: keyRotations.error ?? versions.error ?? rotations.error,
            }}
            above={above}
            mayManage={isOwn && service?.mayManageKey === true}
            keyActions={keyActions}
            rotationActions={rotationActions}
            onGone={() => void navigate({ to: '/services' })}
            use={
              use.data && (
                <Panel
                  title="Use"
                  description={`Of your keys at ${service?.name ?? 'this service'}, and those of ${me.organization.name}.`}
                  actions={
                    <TextLink>
                      <Link to="/usage" search={{ service: serviceKey.serviceId }}>
                        Usage and cost
                      </Link>
                    </TextLink>
                  }
                >
                  <ServiceUse of={use.data} payer="own" />
                </Panel>
              )
            }
          />
        )
      }
    </Loaded>
  )
}
