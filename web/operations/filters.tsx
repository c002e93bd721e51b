import { Button, NativeSelect } from '@mantine/core'
import type { ReactNode } from 'react'
import type { OperationStatus, Payer } from '../../src/contract/operations.ts'
import { moment } from '../ui/format.ts'
import { useNow } from '../ui/figures.tsx'
import { useRead } from '../data/queries.ts'
import { useSlashFocus } from '../ui/hotkeys.ts'
import classes from './operations.module.css'

export interface OperationFilters {
  readonly service?: string | undefined
  readonly status?: OperationStatus | undefined
  readonly keyOwner?: Payer | undefined
  readonly since?: string | undefined
}

const statuses: readonly { value: OperationStatus; label: string }[] = [
  { value: 'succeeded', label: 'Succeeded' },
  { value: 'failed', label: 'Failed' },
  { value: 'refused', label: 'Refused' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'interrupted', label: 'Interrupted' },
]
const owners: readonly { value: Payer; label: string }[] = [
  { value: 'user', label: 'Own key' },
  { value: 'organization', label: 'Organisation’s key' },
  { value: 'system', label: 'System key (credits)' },
  { value: 'none', label: 'No key' },
]

/** Filters live in the address bar, so a filtered list can be linked to and sent. */
export const FilterBar = (props: {
  filters: OperationFilters
  onChange: (filters: OperationFilters) => void
  more?: ReactNode
  anyMore?: boolean
  onClear: () => void
}) => {
  const first = useSlashFocus<HTMLSelectElement>()
  const services = useRead('listServices', {})
  const { filters, onChange } = props
  const any = Boolean(filters.service ?? filters.status ?? filters.keyOwner ?? filters.since) || props.anyMore
  const named = (services.data?.items ?? []).map((service) => ({ value: service.id, label: service.name }))
  return (
    <search className={classes.filters} aria-label="Filter operations">
      <NativeSelect
        ref={first}
        aria-label="Service"
        value={filters.service ?? ''}
        data={[{ value: '', label: 'Any service' }, ...named]}
        onChange={(event) => onChange({ ...filters, service: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        aria-label="Status"
        value={filters.status ?? ''}
        data={[{ value: '', label: 'Any status' }, ...statuses]}
        onChange={(event) =>
          onChange({
            ...filters,
            status: (event.currentTarget.value || undefined) as OperationStatus | undefined,
          })
        }
      />
      <NativeSelect
        aria-label="Ran on"
        value={filters.keyOwner ?? ''}
        data={[{ value: '', label: 'Any key' }, ...owners]}
        onChange={(event) =>
          onChange({ ...filters, keyOwner: (event.currentTarget.value || undefined) as Payer | undefined })
        }
      />
      <SinceSelect since={filters.since} onChange={(since) => onChange({ ...filters, since })} />
      {props.more}
      {any && (
        <Button variant="subtle" color="gray" onClick={props.onClear}>
          Clear filters
        </Button>
      )}
    </search>
  )
}

const spans = [
  { value: '1', label: 'Last 24 hours' },
  { value: '7', label: 'Last 7 days' },
  { value: '30', label: 'Last 30 days' },
] as const

const SinceSelect = (props: { since: string | undefined; onChange: (since: string | undefined) => void }) => {
  const now = useNow()
  const current = props.since ? [{ value: 'given', label: `Since ${moment(props.since, now)}` }] : []
  return (
    <NativeSelect
      aria-label="Started"
      value={props.since ? 'given' : ''}
      data={[{ value: '', label: 'Any time' }, ...current, ...spans]}
      onChange={(event) => {
        const value = event.currentTarget.value
        if (value === 'given') return
        props.onChange(value === '' ? undefined : daysAgo(Number(value)))
      }}
    />
  )
}

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()
