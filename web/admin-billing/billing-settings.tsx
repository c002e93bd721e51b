import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { addressHost } from '../../src/contract/billing-administration.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { exactCredits } from '../ui/format.ts'
import { moneyText, parseCredits, parseMoney } from '../ui/money.ts'
import { Block, FaultNotice, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { parsePercent } from './billing-words.ts'
import { InvoiceIssuer } from './invoice-issuer.tsx'

type Settings = Reply<'readBillingSettings'>

export const BillingSettings = () => {
  const settings = useRead('readBillingSettings', {})
  return (
    <Page
      title="Billing settings"
      description="How this installation collects, from now on. What was invoiced and given stays as it was."
      narrow
    >
      <Loaded of={settings} skeleton={<Block height={760} narrow={1100} />}>
        {(data) => <SettingsForm key={JSON.stringify(data)} settings={data} />}
      </Loaded>
      <InvoiceIssuer />
    </Page>
  )
}

const plain = (micros: string): string => exactCredits(micros).replaceAll(',', '')

const initial = (settings: Settings) => ({
  provider: settings.provider,
  currency: settings.currency,
  issuer: settings.issuer,
  freeTierId: settings.freeTierId,
  dueDays: String(settings.dueDays),
  graceDays: String(settings.graceDays),
  discountPercent: String(settings.discount.basisPoints / 100),
  sharePercent: String(settings.discount.minimumShareBasisPoints / 100),
  continuousDays: String(settings.discount.minimumContinuousDays),
  organizationKeysCount: settings.discount.organizationKeysCount,
  addresses: (settings.discount.addresses ?? []).join(', '),
  creditsPerMinor: plain(settings.microsPerMinor),
  customMinimum: moneyText(settings.customMinimumMinor, settings.currency),
  customMaximum: moneyText(settings.customMaximumMinor, settings.currency),
  expiryMonths: settings.purchaseExpiryMonths === null ? '' : String(settings.purchaseExpiryMonths),
  secondApproverAbove: plain(settings.secondApproverAboveMicros),
  reason: '',
})
type Values = ReturnType<typeof initial>

const whole = (most: number) => (value: string) =>
  /^\d{1,4}$/.test(value.trim()) && Number(value) <= most ? null : `A whole number up to ${most}.`
const share = (value: string) => (parsePercent(value) === null ? 'A percentage from 0 to 100.' : null)
const someCredits = (value: string) => (parseCredits(value) === null ? 'A number of credits.' : null)
const amountOf = (value: string, { currency }: Values) =>
  parseMoney(value, /^[A-Z]{3}$/.test(currency) ? currency : 'USD') === null ? 'An amount of money.' : null

const hostsIn = (text: string): string[] => text.split(/[\s,]+/).filter((host) => host !== '')
const hosts = (text: string) => {
  const wrong = hostsIn(text).find((host) => !addressHost.safeParse(host).success)
  return wrong === undefined ? null : `“${wrong}” is not a host, such as proxy.example.com.`
}

const settingsOf = (values: Values): Settings => ({
  provider: values.provider,
  currency: values.currency,
  issuer: values.issuer,
  freeTierId: values.freeTierId,
  dueDays: Number(values.dueDays),
  graceDays: Number(values.graceDays),
  discount: {
    basisPoints: parsePercent(values.discountPercent) ?? 0,
    minimumShareBasisPoints: parsePercent(values.sharePercent) ?? 0,
    minimumContinuousDays: Number(values.continuousDays),
    organizationKeysCount: values.organizationKeysCount,
    addresses: hostsIn(values.addresses),
  },
  microsPerMinor: parseCredits(values.creditsPerMinor) ?? '0',
  customMinimumMinor: parseMoney(values.customMinimum, values.currency) ?? '0',
  customMaximumMinor: parseMoney(values.customMaximum, values.currency) ?? '0',
  purchaseExpiryMonths: values.expiryMonths.trim() === '' ? null : Number(values.expiryMonths),
  secondApproverAboveMicros: parseCredits(values.secondApproverAbove) ?? '0',
})

const SettingsForm = ({ settings }: { settings: Settings }) => {
  const tiers = useRead('listAdminTiers', {})
  const save = useAct('saveBillingSettings', ['readBillingSettings', 'listPacks', 'readUserSubscription'])
  const form = useForm({
    initialValues: initial(settings),
    validateInputOnBlur: true,
    validate: {
      currency: (value) => (/^[A-Z]{3}$/.test(value) ? null : 'Three capital letters, such as USD.'),
      issuer: (value) =>
        /^[a-z0-9-]{1,40}$/.test(value) ? null : 'Small letters, digits and hyphens, at most 40.',
      dueDays: whole(365),
      graceDays: whole(365),
      discountPercent: share,
      sharePercent: share,
      continuousDays: whole(31),
      addresses: hosts,
      creditsPerMinor: someCredits,
      customMinimum: amountOf,
      customMaximum: amountOf,
      expiryMonths: (value) =>
        value.trim() === '' || (/^\d{1,3}$/.test(value.trim()) && Number(value) >= 1 && Number(value) <= 120)
          ? null
          : 'Whole months up to 120, or nothing.',
      secondApproverAbove: someCredits,
      reason: (value) => (value.trim() ? null : 'Say why: the audit trail keeps it.'),
    },
  })
  const submit = form.onSubmit((values) =>
    after(save.mutateAsync({ body: { settings: settingsOf(values), reason: values.reason.trim() } }), () =>
      tellDone('The billing settings are saved.'),
    ),
  )
  return (
    <form className={classes.form} onSubmit={submit} aria-label="Billing settings">
      <Panel title="Collecting">
        <div className={classes.fields}>
          <NativeSelect
            label="Payment provider"
            description="By approval: an administrator has the money, and says so."
            data={[
              { value: 'manual', label: 'By approval' },
              { value: 'stripe', label: 'Stripe' },
            ]}
            {...form.getInputProps('provider')}
          />
          <NativeSelect
            label="Free tier"
            description="For whoever cancels or does not pay."
            data={(tiers.data?.items ?? [{ id: settings.freeTierId, current: { name: '…' } }]).map(
              ({ id, current }) => ({ value: id, label: current.name }),
            )}
            {...form.getInputProps('freeTierId')}
          />
          <TextInput
            label="Due after days"
            description="Of a renewal’s invoice that is not charged at once."
            inputMode="numeric"
            {...form.getInputProps('dueDays')}
          />
          <TextInput
            label="Days of grace"
            description="From then until the free tier takes over."
            inputMode="numeric"
            {...form.getInputProps('graceDays')}
          />
          <TextInput
            label="Currency"
            description="Of amounts of the buyer’s choice."
            maxLength={3}
            {...form.getInputProps('currency')}
          />
          <TextInput
            label="Issuer"
            description="Invoice numbers are without gaps for each."
            maxLength={40}
            spellCheck={false}
            {...form.getInputProps('issuer')}
          />
        </div>
      </Panel>
      <Panel
        title="Own-key discount"
        description="Earned at a renewal by an own key that is valid then, and was for a share of the period."
      >
        <div className={classes.fields}>
          <TextInput
            label="Off the monthly price, %"
            inputMode="decimal"
            {...form.getInputProps('discountPercent')}
          />
          <TextInput
            label="Needed share of the period, %"
            inputMode="decimal"
            {...form.getInputProps('sharePercent')}
          />
          <TextInput
            label="Days without interruption"
            inputMode="numeric"
            {...form.getInputProps('continuousDays')}
          />
          <Checkbox
            label="Keys of the organisation count too"
            style={{ alignSelf: 'center' }}
            {...form.getInputProps('organizationKeysCount', { type: 'checkbox' })}
          />
          <TextInput
            label="Other addresses"
            description="Hosts at which keys count besides those of the services, with commas between them."
            spellCheck={false}
            autoComplete="off"
            {...form.getInputProps('addresses')}
          />
        </div>
      </Panel>
      <Panel title="Credits">
        <div className={classes.fields}>
          <TextInput
            label="Credits for the smallest unit"
            description="Such as one cent, where an amount is chosen."
            inputMode="decimal"
            {...form.getInputProps('creditsPerMinor')}
          />
          <TextInput
            label="Expire after months"
            description="Of purchased credits. Empty: never."
            inputMode="numeric"
            {...form.getInputProps('expiryMonths')}
          />
          <TextInput label="Smallest amount" inputMode="decimal" {...form.getInputProps('customMinimum')} />
          <TextInput label="Largest amount" inputMode="decimal" {...form.getInputProps('customMaximum')} />
          <TextInput
            label="Second administrator above"
            description="Credits that one alone may give, take back or give back."
            inputMode="decimal"
            {...form.getInputProps('secondApproverAbove')}
          />
        </div>
      </Panel>
      <TextInput label="Reason" maxLength={300} {...form.getInputProps('reason')} />
      {save.error && <FaultNotice error={save.error} />}
      <div className={`${classes.buttons} ${classes.end}`}>
        <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
          Save settings
        </Button>
      </div>
    </form>
  )
}
