import { Button, NativeSelect, Switch, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type {
  AlertChannel,
  AlertChannelsOnWire,
  AlertDeliveryOnWire,
  AlertSeverity,
} from '../../src/contract/alerts.ts'
import { useAct, useRead } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { SecretTail } from '../ui/mark.tsx'
import { Block, FaultNotice, Loaded, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './alerts.module.css'

/** Where alerts go beside this dashboard. */
export const Channels = () => {
  const channels = useRead('readAlertChannels', {})
  return (
    <Panel title="Where alerts go" description="Always here; by e-mail and to your own server if you wish.">
      <Loaded of={channels} skeleton={<Block height={230} narrow={420} />}>
        {/* What was saved elsewhere begins the form anew. */}
        {(data) => <ChannelsForm key={JSON.stringify(data)} channels={data} />}
      </Loaded>
    </Panel>
  )
}

const isUrl = (text: string): boolean => {
  try {
    return ['http:', 'https:'].includes(new URL(text).protocol)
  } catch {
    return false
  }
}

const draftOf = ({ email, webhook }: AlertChannelsOnWire) => ({
  email: { enabled: email.enabled, minimumSeverity: email.minimumSeverity },
  webhook: {
    enabled: webhook.enabled,
    url: webhook.url ?? '',
    minimumSeverity: webhook.minimumSeverity,
  },
})

const ChannelsForm = ({ channels }: { channels: AlertChannelsOnWire }) => {
  const [draft, setDraft] = useState(() => draftOf(channels))
  const save = useAct('setAlertChannels', ['readAlertChannels'])
  const isChanged = JSON.stringify(draft) !== JSON.stringify(draftOf(channels))
  const { email, webhook } = draft
  const urlFault =
    webhook.url === ''
      ? webhook.enabled
        ? 'An address is needed.'
        : null
      : isUrl(webhook.url)
        ? null
        : 'An address that begins with https:// or http://.'
  return (
    <form
      aria-label="Where alerts go"
      onSubmit={(event) => {
        event.preventDefault()
        if (urlFault === null)
          save.mutate(
            { body: { email, webhook: { ...webhook, url: webhook.url || null } } },
            { onSuccess: () => tellDone('Alerts go there from the next one on.') },
          )
      }}
    >
      <div className={classes.channels}>
        <section className={classes.channel} aria-label="E-mail">
          <h3 className={classes.channelName}>E-mail</h3>
          <Switch
            label={`Send to ${channels.email.address}`}
            checked={email.enabled}
            onChange={(event) =>
              setDraft({ ...draft, email: { ...email, enabled: event.currentTarget.checked } })
            }
          />
          <SeveritySelect
            label="Which alerts by e-mail"
            value={email.minimumSeverity}
            onChange={(minimumSeverity) => setDraft({ ...draft, email: { ...email, minimumSeverity } })}
          />
          {!channels.email.isAvailable && (
            <Notice tone="info" title="This installation has no mail server">
              Nothing is sent by e-mail until an administrator sets one.
            </Notice>
          )}
          <TestSend
            channel="email"
            name="Send a test e-mail"
            blocked={isChanged || !channels.email.enabled || !channels.email.isAvailable}
          />
        </section>
        <section className={classes.channel} aria-label="Webhook">
          <h3 className={classes.channelName}>Webhook</h3>
          <Switch
            label="Send to an address of your own"
            checked={webhook.enabled}
            onChange={(event) =>
              setDraft({ ...draft, webhook: { ...webhook, enabled: event.currentTarget.checked } })
            }
          />
          <TextInput
            label="Address"
            type="url"
            placeholder="https://example.com/alerts"
            maxLength={500}
            value={webhook.url}
            error={urlFault}
            onChange={(event) =>
              setDraft({ ...draft, webhook: { ...webhook, url: event.currentTarget.value.trim() } })
            }
          />
          <SeveritySelect
            label="Which alerts by webhook"
            value={webhook.minimumSeverity}
            onChange={(minimumSeverity) => setDraft({ ...draft, webhook: { ...webhook, minimumSeverity } })}
          />
          <p className={classes.quiet}>
            {channels.webhook.secretLastFour === null ? (
              <>
                Make a{' '}
                <TextLink>
                  <Link to="/long-operations">webhook secret</Link>
                </TextLink>
                , so that your server can tell our webhooks from others’.
              </>
            ) : (
              <>
                Signed with your webhook secret <SecretTail lastFour={channels.webhook.secretLastFour} />.
              </>
            )}
          </p>
          <TestSend
            channel="webhook"
            name="Send a test webhook"
            blocked={isChanged || !channels.webhook.enabled}
          />
        </section>
      </div>
      {save.error && <FaultNotice error={save.error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={save.isPending} disabled={!isChanged || urlFault !== null}>
          Save
        </Button>
        {isChanged && <span className={classes.quiet}>Save first, then send a test.</span>}
      </div>
    </form>
  )
}

const severities: readonly { value: AlertSeverity; label: string }[] = [
  { value: 'info', label: 'All' },
  { value: 'warning', label: 'Warnings and critical ones' },
  { value: 'critical', label: 'Critical ones only' },
]

const SeveritySelect = (props: {
  label: string
  value: AlertSeverity
  onChange: (value: AlertSeverity) => void
}) => (
  <NativeSelect
    label={props.label}
    value={props.value}
    data={severities}
    onChange={(event) =>
      props.onChange(severities.find(({ value }) => value === event.currentTarget.value)?.value ?? 'info')
    }
  />
)

/** Sent once, as the channel is saved; what became of it is said in place. */
const TestSend = (props: { channel: AlertChannel; name: string; blocked: boolean }) => {
  const send = useAct('testAlertChannel', ['listAlertDeliveries', 'listAlerts'])
  return (
    <>
      <div>
        <Button
          variant="default"
          size="compact-md"
          loading={send.isPending}
          disabled={props.blocked}
          onClick={() => send.mutate({ body: { channel: props.channel } })}
        >
          {props.name}
        </Button>
      </div>
      {send.error && <FaultNotice error={send.error} />}
      {send.data && <TestResult delivery={send.data} />}
    </>
  )
}

const TestResult = ({ delivery }: { delivery: AlertDeliveryOnWire }) =>
  delivery.state === 'failed' ? (
    <Notice tone="bad" live title="The test did not arrive">
      {delivery.target}: {answerWords(delivery)}.
    </Notice>
  ) : (
    <Notice
      tone="info"
      live
      title={delivery.state === 'delivered' ? 'The test arrived' : 'The test is on its way'}
    >
      {delivery.target}
      {delivery.state === 'delivered' && delivery.lastStatus !== null && ` answered ${delivery.lastStatus}.`}
    </Notice>
  )

export const answerWords = ({ lastStatus, lastFault }: AlertDeliveryOnWire): string =>
  [lastStatus === null ? null : `answered ${lastStatus}`, lastFault === null ? null : readable(lastFault)]
    .filter((part) => part !== null)
    .join(': ') || 'did not answer'
