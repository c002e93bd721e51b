import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { ModelPrice } from '../../src/contract/prices.ts'
import { outcomeWords, useChangePrices } from '../data/save-prices.ts'
import { unitName } from '../data/unit-words.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { parseUsd, pers, priceText } from './price-words.ts'
import classes from './prices.module.css'

const usual = [
  'input',
  'output',
  'cacheRead',
  'cacheWrite',
  'cacheWrite1h',
  'reasoning',
  'image',
  'characters',
  'audio_seconds',
  'request',
  'search',
  'search_units',
]
const other = 'other'

const unitPattern = /^[a-z][\w.:-]{0,79}$/i

/** An own price of one token class or unit. */
export const PriceForm = (props: { service: string; model: string; price: ModelPrice | undefined }) => {
  const set = useChangePrices()
  const units = [...new Set([...(props.price?.lines.map(({ unit }) => unit) ?? []), ...usual])]
  const form = useForm({
    initialValues: {
      model: props.model,
      unit: units[0] ?? 'input',
      otherUnit: '',
      usd: '',
      per: pers(units[0] ?? 'input')[0]?.per ?? '1',
      reason: '',
    },
    validate: {
      model: (value) => (/^\S+$/.test(value.trim()) ? null : 'One word; * stands for any text.'),
      otherUnit: (value, all) =>
        all.unit !== other || unitPattern.test(value.trim()) ? null : 'Such as image:1024x1024:hd.',
      usd: (value) =>
        parseUsd(value) === null ? 'An amount in dollars, at most nine decimal places.' : null,
      reason: (value) => (value.trim() ? null : 'Say why: the audit trail and this page show it.'),
    },
  })
  const unit = form.values.unit === other ? form.values.otherUnit.trim() || 'request' : form.values.unit
  const choices = pers(unit)
  const per = choices.some((each) => each.per === form.values.per)
    ? form.values.per
    : (choices[0]?.per ?? '1')
  const submit = form.onSubmit((values) => {
    const price = { unit, per, nanoUsd: parseUsd(values.usd) ?? '0' }
    const model = values.model.trim()
    set.mutate(
      {
        edits: [{ kind: 'set_price', serviceId: props.service, model, ...price }],
        reason: values.reason.trim(),
      },
      {
        onSuccess: (changed) => {
          form.setFieldValue('usd', '')
          tellDone(outcomeWords(`${model}, ${unitName(unit)}: ${priceText(price)}`, changed))
        },
      },
    )
  })
  return (
    <form className={classes.form} onSubmit={submit} aria-label="Set an own price">
      <h3 className={classes.formTitle}>Set an own price</h3>
      <TextInput
        label="Model"
        description="* stands for any text: one price for all that match."
        maxLength={256}
        {...form.getInputProps('model')}
      />
      <NativeSelect
        label="For"
        data={[
          ...units.map((value) => ({ value, label: unitName(value) })),
          { value: other, label: 'Another unit' },
        ]}
        {...form.getInputProps('unit')}
      />
      {form.values.unit === other && (
        <TextInput label="Unit" placeholder="image:1024x1024:hd" {...form.getInputProps('otherUnit')} />
      )}
      <div className={classes.pair}>
        <TextInput
          label="Price in US dollars"
          inputMode="decimal"
          placeholder="0.04"
          {...form.getInputProps('usd')}
        />
        <NativeSelect
          label="For each"
          value={per}
          data={choices.map((each) => ({ value: each.per, label: each.words }))}
          onChange={(event) => form.setFieldValue('per', event.currentTarget.value)}
        />
      </div>
      <TextInput
        label="Reason"
        placeholder="Our contract"
        maxLength={500}
        {...form.getInputProps('reason')}
      />
      {set.error && <FaultNotice error={set.error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={set.isPending}>
          Set price
        </Button>
      </div>
    </form>
  )
}
