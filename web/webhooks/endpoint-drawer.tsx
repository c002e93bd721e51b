import { Button, Drawer } from '@mantine/core'
import { useState } from 'react'
import type { WebhookEndpointOnWire } from '../../src/contract/webhooks.ts'
import { useAct } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { SecretTail } from '../ui/mark.tsx'
import { Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { EndpointDeliveries } from './deliveries.tsx'
import { EndpointDialog } from './endpoint-dialog.tsx'
import { EndpointMark } from './endpoint-mark.tsx'
import { ReplayDialog } from './replay-dialog.tsx'
import classes from './webhooks.module.css'

type Task = 'change' | 'remove' | 'renew' | 'replay' | null

export const EndpointDrawer = (props: {
  endpoint: WebhookEndpointOnWire | undefined
  opened: boolean
  mayManage: boolean
  onSecret: (secret: string) => void
  onClose: () => void
}) => (
  <Drawer
    opened={props.opened}
    onClose={props.onClose}
    position="right"
    size={620}
    title={props.endpoint?.description || 'Endpoint'}
  >
    {props.endpoint && <Opened {...props} endpoint={props.endpoint} />}
  </Drawer>
)

const Opened = (props: {
  endpoint: WebhookEndpointOnWire
  mayManage: boolean
  onSecret: (secret: string) => void
  onClose: () => void
}) => {
  const { endpoint } = props
  const [task, setTask] = useState<Task>(null)
  return (
    <div className={classes.drawer}>
      <Facts>
        <Fact name="Address">
          <span className={classes.url}>{endpoint.url}</span>
        </Fact>
        <Fact name="State">
          <EndpointMark endpoint={endpoint} />
        </Fact>
        <Fact name="Events">{endpoint.types?.join(', ') ?? 'All'}</Fact>
        <Fact name="Secret">
          <SecretTail lastFour={endpoint.secretLastFour} />
          {endpoint.formerSecretUntil && (
            <span className={classes.quiet}>
              {' '}
              The one before signs beside it until <Moment at={endpoint.formerSecretUntil} />
            </span>
          )}
        </Fact>
        <Fact name="Added">
          <Ago at={endpoint.createdAt} />
        </Fact>
      </Facts>
      {props.mayManage && <Actions endpoint={endpoint} onTask={setTask} />}
      <EndpointDeliveries endpoint={endpoint} mayManage={props.mayManage} />
      {task === 'change' && <EndpointDialog endpoint={endpoint} onClose={() => setTask(null)} />}
      {task === 'replay' && <ReplayDialog endpoint={endpoint} onClose={() => setTask(null)} />}
      <Renew
        endpoint={endpoint}
        opened={task === 'renew'}
        onSecret={props.onSecret}
        onClose={() => setTask(null)}
      />
      <Remove
        endpoint={endpoint}
        opened={task === 'remove'}
        onRemoved={props.onClose}
        onClose={() => setTask(null)}
      />
    </div>
  )
}

const Actions = (props: { endpoint: WebhookEndpointOnWire; onTask: (task: Task) => void }) => {
  const { id, state } = props.endpoint
  const test = useAct('testWebhookEndpoint')
  const change = useAct('changeWebhookEndpoint', ['listWebhookEndpoints', 'listEventDeliveries'])
  const isOn = state === 'enabled'
  return (
    <>
      {test.data && !test.data.isDelivered && (
        <Notice tone="bad" live title="The test did not arrive">
          {test.data.status === null
            ? `Your server could not be asked: ${readable(test.data.fault ?? '').toLowerCase()}.`
            : `Your server answered ${test.data.status}; it has to be one of 200 to 299.`}
        </Notice>
      )}
      <div className={classes.buttons}>
        <Button
          variant="default"
          loading={test.isPending}
          onClick={() =>
            test.mutate(
              { params: { id } },
              {
                onSuccess: ({ isDelivered, status }) => {
                  if (isDelivered) tellDone(`It arrived: your server answered ${status}.`)
                },
                onError: tellFault,
              },
            )
          }
        >
          Send a test
        </Button>
        <Button variant="default" disabled={!isOn} onClick={() => props.onTask('replay')}>
          Replay…
        </Button>
        <Button variant="default" onClick={() => props.onTask('change')}>
          Change
        </Button>
        <Button variant="default" onClick={() => props.onTask('renew')}>
          New secret
        </Button>
        <Button
          variant="default"
          loading={change.isPending}
          onClick={() =>
            change.mutate(
              { params: { id }, body: { enabled: !isOn } },
              {
                onSuccess: () =>
                  tellDone(isOn ? 'Nothing is sent there now.' : 'Events are sent there again.'),
                onError: tellFault,
              },
            )
          }
        >
          {isOn ? 'Switch off' : 'Switch on'}
        </Button>
        <Button variant="default" color="red" onClick={() => props.onTask('remove')}>
          Remove
        </Button>
      </div>
    </>
  )
}

const Renew = (props: {
  endpoint: WebhookEndpointOnWire
  opened: boolean
  onSecret: (secret: string) => void
  onClose: () => void
}) => {
  const renew = useAct('renewWebhookEndpointSecret', ['listWebhookEndpoints'])
  return (
    <ConfirmDialog
      opened={props.opened}
      title="Make a new secret?"
      submit="New secret"
      busy={renew.isPending}
      error={renew.error}
      onConfirm={() =>
        renew.mutate(
          { params: { id: props.endpoint.id } },
          {
            onSuccess: ({ secret }) => {
              props.onClose()
              props.onSecret(secret)
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <p>Messages are signed with both for a day, so that your server can change over when it suits you.</p>
    </ConfirmDialog>
  )
}

const Remove = (props: {
  endpoint: WebhookEndpointOnWire
  opened: boolean
  onRemoved: () => void
  onClose: () => void
}) => {
  const remove = useAct('removeWebhookEndpoint', ['listWebhookEndpoints'])
  return (
    <ConfirmDialog
      opened={props.opened}
      title="Remove this endpoint?"
      submit="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() =>
        remove.mutate(
          { params: { id: props.endpoint.id } },
          {
            onSuccess: () => {
              tellDone('The endpoint is removed.')
              props.onRemoved()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <p>Nothing is sent to {props.endpoint.url} any more, and what was under way is given up.</p>
    </ConfirmDialog>
  )
}
