import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import { type KeyActions, useSystemKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs.tsx'
import { ServiceTile } from '../ui/mark.tsx'
import { Block, FaultNotice, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { inOrder } from './key-order.ts'
import { PriorityLanes } from './priority-lanes.tsx'
import { SystemKeyLimitsDialog } from './system-key-limits.tsx'
import classes from './system-keys.module.css'

export const SystemKeys = () => {
  const services = useRead('listServices', {})
  const keys = useRead('listSystemKeys', {})
  const actions = useSystemKeyActions()
  const [adding, setAdding] = useState<{ serviceId: string | null } | null>(null)
  const [task, setTask] = useState<KeyTask | null>(null)
  const [limiting, setLimiting] = useState<ServiceKey | null>(null)
  const live = inOrder((keys.data?.items ?? []).filter((key) => key.status !== 'revoked'))
  return (
    <Page
      title="System keys"
      description="Used for credits when a user’s own key cannot serve: Primary first, then Secondary, then Tertiary."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding({ serviceId: null })}>
          Add system key
        </Button>
      }
    >
      {keys.error && !keys.data && <FaultNotice error={keys.error} onRetry={() => void keys.refetch()} />}
      <Loaded of={services} skeleton={<Block height={880} narrow={1400} />}>
        {({ items }) => (
          <ul className={classes.services}>
            {items.map((service) => (
              <ServiceKeys
                key={service.id}
                service={service}
                keys={live.filter((key) => key.serviceId === service.id)}
                loading={keys.data === undefined}
                actions={actions}
                onAdd={() => setAdding({ serviceId: service.id })}
                onTask={setTask}
                onLimit={setLimiting}
              />
            ))}
          </ul>
        )}
      </Loaded>
      <AddKeyDialog
        opened={adding !== null}
        services={services.data?.items ?? []}
        actions={actions}
        serviceId={adding?.serviceId ?? null}
        priority={1}
        onClose={() => {
          actions.check.reset()
          actions.add.reset()
          setAdding(null)
        }}
      />
      <KeyDialogs task={task} actions={actions} onClose={() => setTask(null)} />
      {limiting && <SystemKeyLimitsDialog serviceKey={limiting} onClose={() => setLimiting(null)} />}
    </Page>
  )
}

const ServiceKeys = (props: {
  service: Service
  keys: readonly ServiceKey[]
  loading: boolean
  actions: KeyActions
  onAdd: () => void
  onTask: (task: KeyTask) => void
  onLimit: (key: ServiceKey) => void
}) => {
  const { service, keys } = props
  return (
    <li className={classes.card} aria-label={service.name}>
      <div className={classes.head}>
        <ServiceTile name={service.name} />
        <div className={classes.words}>
          <h2 className={classes.name}>{service.name}</h2>
          <p className={classes.note}>{describe(service, keys, props.loading)}</p>
        </div>
        <Button variant="default" onClick={props.onAdd} aria-label={`Add key for ${service.name}`}>
          Add key
        </Button>
      </div>
      {keys.length > 0 && (
        <PriorityLanes
          service={service}
          keys={keys}
          actions={props.actions}
          onTask={props.onTask}
          onLimit={props.onLimit}
        />
      )}
    </li>
  )
}

const describe = (service: Service, keys: readonly ServiceKey[], loading: boolean): string => {
  if (loading) return 'Loading keys'
  if (service.coverage.status === 'keys_only') return service.coverage.reason
  if (keys.length === 0) return 'No system key: this service runs on users’ own keys only.'
  const usable = keys.filter((key) => key.status === 'active').length
  return usable === keys.length
    ? `${keys.length === 1 ? 'One key' : `${keys.length} keys`}, all usable.`
    : `${usable} of ${keys.length} keys usable now.`
}
