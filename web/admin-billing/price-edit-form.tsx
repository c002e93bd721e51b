import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { PriceEdit } from '../../src/contract/price-book.ts'
import { parseUsd, pers, usdField } from '../admin/price-words.ts'
import { useRead } from '../data/queries.ts'
import { unitName } from '../data/unit-words.ts'
import classes from './billing.module.css'
import { parseMarkup } from './price-edit-words.ts'

const kinds = {
  set_markup: 'Markup',
  remove_markup: 'No markup of its own',
  set_price: 'Own price',
  remove_price: 'Back to the shipped price',
  set_credit_worth: 'What a credit is worth',
} as const
type Kind = keyof typeof kinds

const units = [
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
]

const everything = ''

const startOf = (
  edit: PriceEdit | undefined,
): {
  kind: Kind
  serviceId: string
  model: string
  percent: string
  unit: string
  per: string
  usd: string
} => ({
  kind: edit?.kind ?? 'set_markup',
  serviceId: edit && 'serviceId' in edit ? (edit.serviceId ?? everything) : everything,
  model: edit && 'model' in edit ? (edit.model ?? '') : '',
  percent:
    edit?.kind === 'set_markup' && edit.markupBasisPoints !== 0 ? String(edit.markupBasisPoints / 100) : '',
  unit: edit && 'unit' in edit ? edit.unit : 'input',
  per: edit?.kind === 'set_price' ? edit.per : '1000000',
  usd: edit?.kind === 'set_price' ? usdField(edit.nanoUsd) : '',
})
type Values = ReturnType<typeof startOf>

/** Null while something is missing or is no number. */
const editOf = (values: Values): PriceEdit | null => {
  const model = values.model.trim()
  const serviceId = values.serviceId === everything ? null : values.serviceId
  const per =
    pers(values.unit).find((each) => each.per === values.per)?.per ?? pers(values.unit)[0]?.per ?? '1'
  switch (values.kind) {
    case 'set_markup': {
      const markupBasisPoints = parseMarkup(values.percent)
      return markupBasisPoints === null
        ? null
        : { kind: 'set_markup', serviceId, model: model === '' ? null : model, markupBasisPoints }
    }
    case 'remove_markup':
      return { kind: 'remove_markup', serviceId, model: model === '' ? null : model }
    case 'set_price': {
      const nanoUsd = parseUsd(values.usd)
      return serviceId === null || model === '' || nanoUsd === null
        ? null
        : { kind: 'set_price', serviceId, model, unit: values.unit, nanoUsd, per }
    }
    case 'remove_price':
      return serviceId === null || model === ''
        ? null
        : { kind: 'remove_price', serviceId, model, unit: values.unit }
    case 'set_credit_worth': {
      const nanoUsdPerCredit = parseUsd(values.usd)
      return nanoUsdPerCredit === null || BigInt(nanoUsdPerCredit) === 0n
        ? null
        : { kind: 'set_credit_worth', nanoUsdPerCredit }
    }
  }
}

/** One edit, added to the change by its own button. */
export const PriceEditForm = (props: { start: PriceEdit | undefined; onAdd: (edit: PriceEdit) => void }) => {
  const services = useRead('listAdminServices', {})
  const [values, setValues] = useState(() => startOf(props.start))
  const set = (part: Partial<Values>) => setValues((now) => ({ ...now, ...part }))
  const edit = editOf(values)
  const isMarkup = values.kind === 'set_markup' || values.kind === 'remove_markup'
  const isPrice = values.kind === 'set_price' || values.kind === 'remove_price'
  return (
    <fieldset className={classes.fieldset}>
      <legend className={classes.sectionTitle}>Add an edit</legend>
      <NativeSelect
        label="What"
        value={values.kind}
        data={Object.entries(kinds).map(([value, label]) => ({ value, label }))}
        onChange={(event) => set({ kind: event.currentTarget.value as Kind })}
      />
      {(isMarkup || isPrice) && (
        <div className={classes.line}>
          <NativeSelect
            label="Service"
            value={values.serviceId}
            data={[
              { value: everything, label: isMarkup ? 'All services' : 'Choose a service' },
              ...(services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(event) => set({ serviceId: event.currentTarget.value })}
          />
          <TextInput
            label="Model"
            placeholder={isMarkup ? 'all models' : 'gpt-5*'}
            maxLength={256}
            spellCheck={false}
            value={values.model}
            onChange={(event) => set({ model: event.currentTarget.value })}
          />
        </div>
      )}
      {isPrice && (
        <NativeSelect
          label="For"
          value={values.unit}
          data={[...new Set([...units, values.unit])].map((value) => ({ value, label: unitName(value) }))}
          onChange={(event) => set({ unit: event.currentTarget.value })}
        />
      )}
      {values.kind === 'set_markup' && (
        <TextInput
          label="Markup, %"
          description="On what the service charges; 0 is at cost, below zero is a rebate."
          inputMode="decimal"
          placeholder="20"
          value={values.percent}
          error={values.percent !== '' && parseMarkup(values.percent) === null && 'A percentage above −100.'}
          onChange={(event) => set({ percent: event.currentTarget.value })}
        />
      )}
      {(values.kind === 'set_price' || values.kind === 'set_credit_worth') && (
        <div className={classes.line}>
          <TextInput
            label="US dollars"
            inputMode="decimal"
            placeholder={values.kind === 'set_price' ? '1.25' : '0.01'}
            value={values.usd}
            error={values.usd !== '' && parseUsd(values.usd) === null && 'An amount in dollars.'}
            onChange={(event) => set({ usd: event.currentTarget.value })}
          />
          {values.kind === 'set_price' && (
            <NativeSelect
              label="For each"
              value={values.per}
              data={pers(values.unit).map(({ per, words }) => ({ value: per, label: words }))}
              onChange={(event) => set({ per: event.currentTarget.value })}
            />
          )}
        </div>
      )}
      <div className={classes.buttons}>
        <Button
          variant="default"
          disabled={edit === null}
          onClick={() => {
            if (edit) props.onAdd(edit)
          }}
        >
          Add edit
        </Button>
      </div>
    </fieldset>
  )
}
