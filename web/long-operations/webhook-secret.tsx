import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import { useAct, useRead } from '../data/queries.ts'
import { CopyField } from '../ui/copy.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { SecretTail } from '../ui/mark.tsx'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellFault } from '../ui/toast.tsx'
import classes from './long-operations.module.css'

export const WebhookSecret = () => {
  const view = useRead('readWebhookSecret', {})
  const create = useAct('createWebhookSecret', ['readWebhookSecret'])
  const [replacing, setReplacing] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const make = () =>
    create.mutate(
      {},
      {
        onSuccess: (made) => {
          setReplacing(false)
          setSecret(made.secret)
        },
        onError: tellFault,
      },
    )
  return (
    <Panel
      title="Webhooks"
      description="Name an address with the task (notifyHook), and how it goes is sent there, signed."
    >
      <Loaded of={view} skeleton={<Block height={34} narrow={34} />}>
        {({ secret: known }) => (
          <div className={classes.secret}>
            {known ? (
              <p>
                Signed with your secret <SecretTail lastFour={known.lastFour} />, made{' '}
                <Ago at={known.createdAt} />.
              </p>
            ) : (
              <p>There is no secret yet. Make one, so that your server can tell our webhooks from others’.</p>
            )}
            <Button
              variant="default"
              loading={create.isPending}
              onClick={() => (known ? setReplacing(true) : make())}
            >
              {known ? 'Replace secret' : 'Make secret'}
            </Button>
          </div>
        )}
      </Loaded>
      <ConfirmDialog
        opened={replacing}
        title="Replace the webhook secret?"
        submit="Replace secret"
        busy={create.isPending}
        error={null}
        onConfirm={make}
        onClose={() => setReplacing(false)}
      >
        <p>
          Webhooks are signed with the new secret at once. A server that checks with the old one refuses them
          until you tell it the new one.
        </p>
      </ConfirmDialog>
      <Modal
        opened={secret !== null}
        onClose={() => setSecret(null)}
        title="Your webhook secret"
        size={560}
        closeOnClickOutside={false}
      >
        {secret !== null && (
          <div className={classes.made}>
            <Notice tone="warning" title="Copy it now">
              It cannot be shown again.
            </Notice>
            <CopyField text={secret} label="Webhook secret" />
            <div className={classes.done}>
              <Button onClick={() => setSecret(null)}>I have copied it</Button>
            </div>
          </div>
        )}
      </Modal>
    </Panel>
  )
}
