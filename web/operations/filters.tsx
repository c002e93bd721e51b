import { Button, NativeSelect } from '@mantine/core'
import type { ReactNode } from 'react'
import type { OperationStatus, Payer } from '../../src/contract/operations.ts'
import { useRead } from '../data/queries.ts'
import { endpointChoices } from '../data/words.ts'
import { SearchField } from '../ui/search-field.tsx'
import { TimeSelect } from './time-select.tsx'
import classes from './operations.module.css'

export interface OperationFilters {
  readonly service?: string | undefined
  readonly status?: OperationStatus | undefined
  readonly keyOwner?: Payer | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly endpoint?: string | undefined
  readonly model?: string | undefined
}

/** The filters of an address bar that says other things too. */
export const filtersOf = (search: OperationFilters): OperationFilters => ({
  service: search.service,
  status: search.status,
  keyOwner: search.keyOwner,
  since: search.since,
  until: search.until,
  endpoint: search.endpoint,
  model: search.model,
})

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
  const services = useRead('listServices', {})
  const { filters, onChange } = props
  const any = Object.values(filtersOf(filters)).some((value) => value !== undefined) || props.anyMore
  const named = (services.data?.items ?? []).map((service) => ({ value: service.id, label: service.name }))
  return (
    <search className={classes.filters} aria-label="Filter operations">
      <SearchField
        slash
        label="Model"
        placeholder="Any model"
        text={filters.model ?? ''}
        onSearch={(text) => onChange({ ...filters, model: text || undefined })}
      />
      <NativeSelect
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
      <NativeSelect
        aria-label="Endpoint"
        value={filters.endpoint ?? ''}
        data={[{ value: '', label: 'Any endpoint' }, ...endpointChoices]}
        onChange={(event) => onChange({ ...filters, endpoint: event.currentTarget.value || undefined })}
      />
      <TimeSelect
        since={filters.since}
        until={filters.until}
        onChange={(times) => onChange({ ...filters, ...times })}
      />
      {props.more}
      {any && (
        <Button variant="subtle" color="gray" onClick={props.onClear}>
          Clear filters
        </Button>
      )}
    </search>
  )
}
