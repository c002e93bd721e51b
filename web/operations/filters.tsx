import { Button, NativeSelect } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { OperationFilters as Filters, OperationStatus } from '../../src/contract/operations.ts'
import { useRead } from '../data/queries.ts'
import { endpointChoices } from '../data/words.ts'
import { SearchField } from '../ui/search-field.tsx'
import { TimeSelect } from './time-select.tsx'
import classes from './operations.module.css'

type PayerFilter = NonNullable<Filters['keyOwner']>

export interface OperationFilters {
  readonly service?: string | undefined
  readonly status?: OperationStatus | undefined
  readonly keyOwner?: PayerFilter | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly endpoint?: string | undefined
  readonly model?: string | undefined
  readonly usedModel?: string | undefined
  readonly accessToken?: string | undefined
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
  usedModel: search.usedModel,
  accessToken: search.accessToken,
})

const statuses: readonly { value: OperationStatus; label: string }[] = [
  { value: 'succeeded', label: 'Succeeded' },
  { value: 'failed', label: 'Failed' },
  { value: 'refused', label: 'Refused' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'interrupted', label: 'Interrupted' },
]
const owners: readonly { value: PayerFilter; label: string }[] = [
  { value: 'own', label: 'Any own key' },
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
  accessTokenName?: string | undefined
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
        value={filters.service === 'none' ? '' : (filters.service ?? '')}
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
          onChange({
            ...filters,
            keyOwner: (event.currentTarget.value || undefined) as PayerFilter | undefined,
          })
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
      {filters.usedModel !== undefined && (
        <Chosen onRemove={() => onChange({ ...filters, usedModel: undefined })}>
          {filters.usedModel === 'none' ? 'No model used' : `Model used: ${filters.usedModel}`}
        </Chosen>
      )}
      {filters.service === 'none' && (
        <Chosen onRemove={() => onChange({ ...filters, service: undefined })}>No service chosen</Chosen>
      )}
      {filters.accessToken !== undefined && (
        <Chosen onRemove={() => onChange({ ...filters, accessToken: undefined })}>
          {props.accessTokenName ?? 'One access token'}
        </Chosen>
      )}
      {any && (
        <Button variant="subtle" color="gray" onClick={props.onClear}>
          Clear filters
        </Button>
      )}
    </search>
  )
}

/** A filter that came by a link and that no field here sets. */
const Chosen = (props: { children: string; onRemove: () => void }) => (
  <Button
    variant="default"
    rightSection={<IconX size={13} aria-hidden />}
    onClick={props.onRemove}
    className={classes.chosen}
  >
    {props.children}
    <span className="visually-hidden">, take this filter away</span>
  </Button>
)
