import { Button } from '@mantine/core'
import { IconLock, IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import type { Me } from '../../src/contract/session.ts'
import { type KeyActions, useOwnKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs.tsx'
import { KeyRow } from '../keys/key-row.tsx'
import { CoverageMark, ServiceTile } from '../ui/mark.tsx'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './services.module.css'

export const Services = () => {
  const me = useMe()
  const services = useRead('listServices', {})
  const keys = useRead('listServiceKeys', {})
  const actions = useOwnKeyActions()
  const [adding, setAdding] = useState<{ serviceId: string | null } | null>(null)
  const [task, setTask] = useState<KeyTask | null>(null)
  const manageable = (services.data?.items ?? []).filter((service) => service.mayManageKey)
  return (
    <Page
      title="Services"
      description="Where you have your own key, calls cost no credits. A new key is used from the next operation on."
      actions={
        manageable.length > 0 && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding({ serviceId: null })}>
            Add key
          </Button>
        )
      }
    >
      <PolicyNotice me={me} />
      <Loaded of={services} skeleton={<Skeletons />}>
        {({ items }) => (
          <ul className={classes.list}>
            {items.map((service) => (
              <ServiceCard
                key={service.id}
                service={service}
                keys={(keys.data?.items ?? []).filter(
                  (each) => each.serviceId === service.id && each.status !== 'revoked',
                )}
                actions={actions}
                onAdd={() => setAdding({ serviceId: service.id })}
                onTask={setTask}
              />
            ))}
          </ul>
        )}
      </Loaded>
      <AddKeyDialog
        opened={adding !== null}
        services={manageable}
        actions={actions}
        serviceId={adding?.serviceId ?? null}
        onClose={() => {
          actions.check.reset()
          actions.add.reset()
          setAdding(null)
        }}
      />
      <KeyDialogs task={task} actions={actions} onClose={() => setTask(null)} />
    </Page>
  )
}

const Skeletons = () => (
  <div className={classes.list}>
    {[1, 2, 3, 4].map((each) => (
      <Block key={each} height={80} narrow={150} />
    ))}
  </div>
)

/** What the organisation has decided, in the words of its effect. */
const PolicyNotice = ({ me }: { me: Me }) => {
  const { organization } = me
  if (organization.controlPolicy === 'user_control') return null
  return (
    <Notice
      tone="info"
      title={
        organization.controlPolicy === 'it_control'
          ? `${organization.name} manages all keys centrally`
          : `${organization.name} manages the keys of some services`
      }
    >
      {organization.controlPolicy === 'it_control'
        ? 'Keys of your own cannot be added. Keys you had are suspended, not deleted, and come back if this changes.'
        : 'Those services are marked below; for all others you can add your own keys.'}
    </Notice>
  )
}

const ServiceCard = (props: {
  service: Service
  keys: readonly ServiceKey[]
  actions: KeyActions
  onAdd: () => void
  onTask: (task: KeyTask) => void
}) => {
  const { service, keys } = props
  return (
    <li className={classes.card} aria-label={service.name}>
      <div className={classes.head}>
        <ServiceTile name={service.name} />
        <div className={classes.words}>
          <div className={classes.nameLine}>
            <h2 className={classes.name}>{service.name}</h2>
            <CoverageMark status={service.coverage.status} owner={service.coverage.keyOwner} />
          </div>
          <p className={classes.reason}>
            {service.coverage.reason} {service.coverage.next}{' '}
            {service.coverage.status !== 'keys_only' && (
              <TextLink>
                <Link to="/operations" search={{ service: service.id }}>
                  Operations
                </Link>
              </TextLink>
            )}
          </p>
          {!service.mayManageKey && service.mayNotBecause && (
            <p className={classes.locked}>
              <IconLock size={14} aria-hidden /> {service.mayNotBecause}
            </p>
          )}
        </div>
        {service.mayManageKey && (
          <Button variant="default" onClick={props.onAdd} aria-label={`Add key for ${service.name}`}>
            Add key
          </Button>
        )}
      </div>
      {keys.map((key) => (
        <KeyRow
          key={key.id}
          serviceKey={key}
          actions={props.actions}
          mayManage={service.mayManageKey && key.owner === 'user'}
          onTask={props.onTask}
        />
      ))}
    </li>
  )
}
