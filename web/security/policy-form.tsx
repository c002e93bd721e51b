import { Button, NumberInput, Switch, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type SessionPolicyOnWire, sessionPolicy } from '../../src/contract/session-policy.ts'
import { useAct } from '../data/queries.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './security.module.css'

const linesOf = (text: string): string[] =>
  text
    .split(/[\s,]+/)
    .map((line) => line.trim())
    .filter(Boolean)

interface Values {
  readonly idleMinutes: number | string
  readonly sessionHours: number | string
  readonly secondFactorRequired: boolean
  readonly trustsSingleSignOn: boolean
  readonly networks: string
  readonly bindsOperations: boolean
  readonly tokenDays: number | string
}

const policyOf = (values: Values): SessionPolicyOnWire => ({
  idleMinutes: values.idleMinutes === '' ? null : Number(values.idleMinutes),
  sessionHours: values.sessionHours === '' ? null : Number(values.sessionHours),
  secondFactorRequired: values.secondFactorRequired,
  trustsSingleSignOn: values.trustsSingleSignOn,
  networks: linesOf(values.networks),
  bindsOperations: values.bindsOperations,
  tokenDays: values.tokenDays === '' ? null : Number(values.tokenDays),
})

const within = (least: number, most: number) => (value: number | string) =>
  value === '' || (Number(value) >= least && Number(value) <= most) ? null : `From ${least} to ${most}.`

const wordsOf = {
  organization: {
    save: 'saveSessionPolicy',
    read: 'readSessionPolicy',
    who: 'Members',
    operations: 'Without it the list holds for sessions and for access tokens at the management API.',
  },
  platform: {
    save: 'savePlatformSessionPolicy',
    read: 'readPlatformSessionPolicy',
    who: 'Administrators',
    operations:
      'Of platform tokens. Without it the list holds for sessions of administrators, and at the management API for their access tokens and for platform tokens.',
  },
} as const

/** `of`: whose sessions they are. */
export const PolicyForm = (props: {
  of: 'organization' | 'platform'
  policy: SessionPolicyOnWire
  yourAddress: string
  mayChange: boolean
}) => {
  const { policy, mayChange } = props
  const words = wordsOf[props.of]
  const save = useAct(words.save, [words.read, 'readMe'])
  const form = useForm<Values>({
    initialValues: {
      idleMinutes: policy.idleMinutes ?? '',
      sessionHours: policy.sessionHours ?? '',
      secondFactorRequired: policy.secondFactorRequired,
      trustsSingleSignOn: policy.trustsSingleSignOn,
      networks: policy.networks.join('\n'),
      bindsOperations: policy.bindsOperations,
      tokenDays: policy.tokenDays ?? '',
    },
    validate: {
      idleMinutes: within(5, 43_200),
      sessionHours: within(1, 2160),
      tokenDays: within(1, 3650),
      networks: (text) => {
        const bad = linesOf(text).find(
          (line) => !sessionPolicy.shape.networks.element.safeParse(line).success,
        )
        return bad === undefined ? null : `${bad} is no address and no range such as 198.51.100.0/24.`
      },
    },
  })
  return (
    <Panel title="Sessions" description="An empty field: as this installation does it for everybody.">
      <form
        className={classes.panelForm}
        onSubmit={form.onSubmit((values) =>
          save.mutate(
            { body: policyOf(values) },
            { onSuccess: () => tellDone('The session policy is in force.') },
          ),
        )}
      >
        <NumberInput
          label="Signed out after minutes without use"
          allowDecimal={false}
          disabled={!mayChange}
          {...form.getInputProps('idleMinutes')}
        />
        <NumberInput
          label="Signed out in any case after hours"
          allowDecimal={false}
          disabled={!mayChange}
          {...form.getInputProps('sessionHours')}
        />
        <Switch
          label="Ask for a second factor"
          description={`${words.who} without one can only add it. You need one yourself to turn this on.`}
          disabled={!mayChange}
          {...form.getInputProps('secondFactorRequired', { type: 'checkbox' })}
        />
        {props.of === 'organization' && (
          <Switch
            label="Trust the company’s own sign-on"
            description="Who comes from your identity provider is not asked for another factor here."
            disabled={!mayChange}
            {...form.getInputProps('trustsSingleSignOn', { type: 'checkbox' })}
          />
        )}
        <Textarea
          label="Networks"
          description={`Addresses and ranges, one a line; empty: from anywhere. You are at ${props.yourAddress}.`}
          autosize
          minRows={2}
          maxRows={10}
          spellCheck={false}
          disabled={!mayChange}
          {...form.getInputProps('networks')}
        />
        <Switch
          label="Operations from these networks only"
          description={words.operations}
          disabled={!mayChange}
          {...form.getInputProps('bindsOperations', { type: 'checkbox' })}
        />
        <NumberInput
          label="Access tokens that may manage end after days"
          description="Counted from the day they were made; those for operations go on."
          allowDecimal={false}
          disabled={!mayChange}
          {...form.getInputProps('tokenDays')}
        />
        {save.error && <FaultNotice error={save.error} />}
        {mayChange && (
          <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
            Save
          </Button>
        )}
      </form>
    </Panel>
  )
}
