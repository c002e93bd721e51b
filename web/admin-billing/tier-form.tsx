import { Button, MultiSelect, NativeSelect, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { unlimited } from '../limits/limit-words.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { dayWithYear, exactCredits } from '../ui/format.ts'
import { moneyText, parseCredits, parseMoney } from '../ui/money.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { TierPreview } from './tier-preview.tsx'
import type { AdminTier } from './tiers.tsx'

type Draft = Request<'saveTier'>['body']

const initial = (tier: AdminTier | null, currency: string) => {
  const now = tier?.current
  return {
    id: '',
    name: now?.name ?? '',
    price: now ? moneyText(now.priceMinor, now.currency) : '',
    currency: now?.currency ?? currency,
    allocation: now ? exactCredits(now.allocationMicros).replaceAll(',', '') : '',
    rollover: now ? exactCredits(now.rolloverCapMicros).replaceAll(',', '') : '0',
    services: now?.entitlements.services ?? null,
    groups: now?.entitlements.groups ?? null,
    effectiveAt: '',
    reason: '',
  }
}
type Values = ReturnType<typeof initial>

/** Null while something is no number. */
const draftOf = (
  values: Values,
  rateLimits: typeof unlimited | null,
  tier: AdminTier | null,
): Draft | null => {
  const currency = values.currency.trim().toUpperCase()
  if (!/^[A-Z]{3}$/.test(currency) || rateLimits === null || values.name.trim() === '') return null
  const priceMinor = parseMoney(values.price, currency)
  const allocationMicros = parseCredits(values.allocation)
  const rolloverCapMicros = parseCredits(values.rollover || '0')
  if (priceMinor === null || allocationMicros === null || rolloverCapMicros === null) return null
  const isLimited = Object.values(rateLimits).some((limit) => limit !== null)
  return {
    name: values.name.trim(),
    priceMinor,
    currency,
    allocationMicros,
    rolloverCapMicros,
    entitlements: {
      services: values.services,
      groups: values.groups,
      rateLimits: isLimited ? rateLimits : null,
    },
    ...(tier && { position: tier.position }),
    ...(values.effectiveAt && { effectiveAt: new Date(values.effectiveAt).toISOString() }),
    reason: values.reason.trim() || 'Preview',
  }
}

/** Asked by POST, but it changes nothing. */
const useTierPreview = (tier: string, draft: Draft | null) =>
  useQuery<Reply<'previewTier'>, CallFault>({
    queryKey: ['previewTier', tier, draft],
    queryFn: ({ signal }) => call('previewTier', { params: { tier }, body: draft as Draft }, signal),
    enabled: draft !== null && tier !== '',
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

/** A new version of a tier, or a new tier: who it touches and from when is shown before it is saved. */
export const TierForm = (props: {
  tier: AdminTier | null
  onSaved: (id: string) => void
  onCancel?: () => void
}) => {
  const { tier } = props
  const settings = useRead('readBillingSettings', {})
  const save = useAct('saveTier', ['listAdminTiers', 'listTierVersions', 'listTiers'])
  const zone = useTimeZone()
  const limits = useLimitFields(tier?.current.entitlements.rateLimits ?? unlimited)
  const form = useForm({
    initialValues: initial(tier, settings.data?.currency ?? 'USD'),
    validateInputOnBlur: true,
    validate: {
      id: (value) =>
        tier || /^[a-z][a-z0-9_-]{0,39}$/.test(value) ? null : 'Small letters, digits and hyphens.',
      name: (value) => (value.trim() ? null : 'A name is needed.'),
      price: (value, { currency }) =>
        parseMoney(value, currency.length === 3 ? currency : 'USD') === null ? 'An amount of money.' : null,
      currency: (value) => (/^[A-Za-z]{3}$/.test(value.trim()) ? null : 'Three letters, such as USD.'),
      allocation: (value) => (parseCredits(value) === null ? 'A number of credits.' : null),
      rollover: (value) => (parseCredits(value || '0') === null ? 'A number of credits.' : null),
      effectiveAt: (value) =>
        value === '' || new Date(value) > new Date() ? null : 'A moment that is still to come.',
      reason: (value) => (value.trim() ? null : 'Say why: the version and the audit trail keep it.'),
    },
  })
  const draft = draftOf(form.values, limits.limits, tier)
  const [rested] = useDebouncedValue(draft, 350)
  const id = tier?.id ?? form.values.id
  const preview = useTierPreview(/^[a-z][a-z0-9_-]{0,39}$/.test(id) ? id : '', rested)
  const submit = form.onSubmit(() => {
    if (draft === null) return
    after(save.mutateAsync({ params: { tier: id }, body: draft }), (version) => {
      const from = form.values.effectiveAt ? `from ${dayWithYear(version.effectiveAt)} on` : 'from now on'
      tellDone(`${version.name}: version ${version.version} is in effect ${from}.`)
      props.onSaved(id)
    })
  })
  return (
    <form className={classes.form} onSubmit={submit} aria-label={tier ? 'New version' : 'New tier'}>
      <div className={classes.line}>
        <TextInput label="Name" maxLength={80} {...form.getInputProps('name')} data-autofocus />
        {tier === null && (
          <TextInput
            label="Id"
            description="Stays as it is."
            placeholder="team"
            spellCheck={false}
            {...form.getInputProps('id')}
          />
        )}
      </div>
      <div className={classes.line}>
        <TextInput label="Price a month" inputMode="decimal" {...form.getInputProps('price')} />
        <TextInput label="Currency" maxLength={3} {...form.getInputProps('currency')} />
      </div>
      <div className={classes.line}>
        <TextInput label="Credits a month" inputMode="decimal" {...form.getInputProps('allocation')} />
        <TextInput label="Rollover, at most" inputMode="decimal" {...form.getInputProps('rollover')} />
      </div>
      <Allowed
        label="Services"
        of="system keys"
        chosen={form.values.services}
        names={useServiceNames()}
        onChange={(services) => form.setFieldValue('services', services)}
      />
      <Allowed
        label="Model groups"
        of="groups"
        chosen={form.values.groups}
        names={useGroupNames()}
        onChange={(groups) => form.setFieldValue('groups', groups)}
      />
      {limits.inputs}
      <TextInput
        type="datetime-local"
        label="In effect from"
        description={`Left empty: from now on. In ${zone}.`}
        {...form.getInputProps('effectiveAt')}
      />
      <TextInput label="Reason" maxLength={300} {...form.getInputProps('reason')} />
      <TierPreview preview={preview} draft={draft} />
      {save.error && <FaultNotice error={save.error} />}
      <div className={`${classes.buttons} ${classes.end}`}>
        {props.onCancel && (
          <Button variant="default" onClick={props.onCancel}>
            Cancel
          </Button>
        )}
        <Button type="submit" loading={save.isPending}>
          {tier ? 'Save version' : 'Make tier'}
        </Button>
      </div>
    </form>
  )
}

const useServiceNames = () =>
  (useRead('listAdminServices', {}).data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))
const useGroupNames = () =>
  (useRead('listAdminGroups', {}).data?.items ?? []).map(({ id, label }) => ({ value: id, label }))

/** All of them, or those that are named. */
const Allowed = (props: {
  label: string
  of: string
  chosen: string[] | null
  names: { value: string; label: string }[]
  onChange: (chosen: string[] | null) => void
}) => {
  const [asked, setAsked] = useState(props.chosen !== null)
  return (
    <div className={classes.section}>
      <NativeSelect
        label={props.label}
        value={asked ? 'some' : 'all'}
        data={[
          { value: 'all', label: 'All' },
          { value: 'some', label: 'Only these' },
        ]}
        onChange={(event) => {
          const some = event.currentTarget.value === 'some'
          setAsked(some)
          props.onChange(some ? (props.chosen ?? []) : null)
        }}
      />
      {asked && (
        <MultiSelect
          aria-label={`${props.label} that are allowed`}
          placeholder={props.chosen?.length ? undefined : `No ${props.of}`}
          searchable
          data={props.names}
          value={props.chosen ?? []}
          onChange={props.onChange}
          comboboxProps={{ withinPortal: false }}
          clearButtonProps={{ 'aria-label': 'Clear' }}
        />
      )}
    </div>
  )
}
