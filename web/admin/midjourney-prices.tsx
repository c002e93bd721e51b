import { Button, Switch, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { OwnPrice } from '../../src/contract/prices.ts'
import { useRead } from '../data/queries.ts'
import { outcomeWords, useChangePrices } from '../data/save-prices.ts'
import { unitName } from '../data/unit-words.ts'
import { counted } from '../ui/format.ts'
import { FaultNotice, Lines, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { parseUsd, usdField } from './price-words.ts'
import classes from './prices.module.css'

const serviceId = 'midjourney'
const model = 'midjourney'

/** As the gateway names what a task does (docs/long-operations.md). */
const actions = [
  'imagine',
  'upscale',
  'variation',
  'reroll',
  'zoom',
  'pan',
  'inpaint',
  'video',
  'blend',
  'describe',
  'shorten',
  'modal',
  'action',
] as const
const speeds = ['turbo', 'relax'] as const

const unitsOf = (withSpeeds: boolean): string[] =>
  actions.flatMap((action) => [
    `task:${action}`,
    ...(withSpeeds ? speeds.map((speed) => `task:${action}:${speed}`) : []),
  ])

const nameOf = (unit: string): string => (unit === 'task:action' ? 'Any other button' : unitName(unit))

/** Midjourney has no price list: a server’s owner knows what an action costs. One field for each. */
export const MidjourneyPrices = () => {
  const prices = useRead('listPrices', {})
  return (
    <Panel
      title="Prices by action"
      description="In US dollars for each task. An action without a price runs on own keys only."
    >
      <Loaded of={prices} skeleton={<Lines count={6} height={34} />}>
        {({ items }) => {
          const own = items.filter((each) => each.serviceId === serviceId)
          return <ActionForm key={JSON.stringify(own)} own={own} />
        }}
      </Loaded>
    </Panel>
  )
}

/** What an action costs by a price for a pattern, such as `midjourney*`, while its field is empty. */
const patternPrice = (own: readonly OwnPrice[], unit: string): string | undefined => {
  const price = own.find((each) => each.unit === unit && each.model !== model && stands(each.model))
  return price && `${usdField(price.nanoUsd)} by ${price.model}`
}

const stands = (pattern: string): boolean => {
  const parts = pattern.split('*')
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  return parts.length > 1 && model.startsWith(first) && model.endsWith(last)
}

const ActionForm = ({ own }: { own: readonly OwnPrice[] }) => {
  const saving = useChangePrices()
  const before = new Map(
    own.filter((each) => each.model === model && each.per === '1').map((each) => [each.unit, each.nanoUsd]),
  )
  const [fields, setFields] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries([...before].map(([unit, nanoUsd]) => [unit, usdField(nanoUsd)])),
  )
  const [withSpeeds, setWithSpeeds] = useState([...before.keys()].some((unit) => unit.split(':').length > 2))
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const units = unitsOf(withSpeeds)
  const pattern = (unit: string) => patternPrice(own, unit)
  const isWrong = (unit: string) =>
    (fields[unit] ?? '').trim() !== '' && parseUsd(fields[unit] ?? '') === null
  const changed = units.filter((unit) => (parseUsd(fields[unit] ?? '') ?? undefined) !== before.get(unit))
  const save = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (units.some(isWrong) || reason.trim() === '') return
    const edits = changed.map((unit) => {
      const nanoUsd = parseUsd(fields[unit] ?? '')
      return nanoUsd === null
        ? ({ kind: 'remove_price', serviceId, model, unit } as const)
        : ({ kind: 'set_price', serviceId, model, unit, nanoUsd, per: '1' } as const)
    })
    // The form is drawn anew with what was saved, so it is told from here.
    void saving.mutateAsync({ edits, reason: reason.trim() }).then(
      (saved) => tellDone(outcomeWords(`${counted(changed.length, 'price')} of Midjourney saved`, saved)),
      // Shown in the form.
      () => undefined,
    )
  }
  return (
    <form onSubmit={save} aria-label="Prices by action">
      <div className={classes.actions}>
        {units.map((unit) => (
          <TextInput
            key={unit}
            label={nameOf(unit)}
            inputMode="decimal"
            placeholder={pattern(unit) ?? 'no price'}
            leftSection="$"
            value={fields[unit] ?? ''}
            error={isWrong(unit) && 'An amount in dollars.'}
            onChange={(event) => setFields({ ...fields, [unit]: event.currentTarget.value })}
          />
        ))}
      </div>
      <div className={classes.bottom}>
        <TextInput
          label="Reason"
          placeholder="What our server costs"
          maxLength={500}
          value={reason}
          error={tried && reason.trim() === '' && 'Say why: the audit trail shows it.'}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Button type="submit" loading={saving.isPending} disabled={changed.length === 0}>
          Save prices
        </Button>
        <Switch
          label="Turbo and relax have prices of their own"
          checked={withSpeeds}
          onChange={(event) => setWithSpeeds(event.currentTarget.checked)}
        />
      </div>
      {saving.error && <FaultNotice error={saving.error} />}
    </form>
  )
}
