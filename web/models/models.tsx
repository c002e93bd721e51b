import { Button, NativeSelect } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { BrowsedModel, ServedBy } from '../../src/contract/models.ts'
import { usePages, useRead } from '../data/queries.ts'
import { taskName } from '../data/words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits } from '../ui/figures.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { count, counted } from '../ui/format.ts'
import { ServedMark, type Tone } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { ModelDrawer } from './model-drawer.tsx'
import { contextWords, shownPrices } from './model-prices.ts'
import type { ModelSearch } from './model-search.ts'
import classes from './models.module.css'

const route = getRouteApi('/shell/models')

const servings: readonly { value: ServedBy; label: string; tone: Tone }[] = [
  { value: 'own_key', label: 'On my keys', tone: 'own' },
  { value: 'organization_key', label: 'On my organisation’s keys', tone: 'shared' },
  { value: 'credits', label: 'On credits', tone: 'credits' },
  { value: 'not_available', label: 'Not available', tone: 'quiet' },
]

export const Models = () => {
  const { model, q, ...filters } = route.useSearch()
  const navigate = useNavigate({ from: '/models' })
  const pages = usePages('browseModels', { ...filters, search: q })
  const first = pages.data?.pages[0]
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  const change = (changes: Partial<ModelSearch>) =>
    void navigate({ search: (search) => ({ ...search, ...changes }), replace: true })
  return (
    <Page
      title="Models"
      description="What you can ask for, what it would run on now, and what its service charges. Groups choose among several models."
    >
      <Panel flush>
        <Filters search={{ ...filters, q }} counts={first?.counts} onChange={change} />
        {pages.error && !pages.data ? (
          <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : pages.data && rows.length === 0 ? (
          <EmptyState
            title="No model matches"
            action={
              <Button variant="default" onClick={() => void navigate({ search: {}, replace: true })}>
                Show all models
              </Button>
            }
          >
            A model that is not in this list can still be asked for as service/model on a key of your own.
          </EmptyState>
        ) : (
          <DataTable
            label="Models"
            rows={rows}
            rowKey={(row) => row.model}
            loading={pages.data ? undefined : 12}
            openKey={model}
            onOpen={(row) => change({ model: row.model })}
            columns={columns}
          />
        )}
        {first && rows.length > 0 && (
          <output className={classes.totals}>
            <strong>{counted(first.total, 'model')}</strong>
            {first.total > rows.length && ` (${count(rows.length)} shown)`}
          </output>
        )}
        {pages.hasNextPage && (
          <div className={classes.more}>
            <Button
              variant="default"
              loading={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              Show more
            </Button>
          </div>
        )}
      </Panel>
      <ModelDrawer
        name={model}
        listed={rows.find((row) => row.model === model)}
        onClose={() => change({ model: undefined })}
      />
    </Page>
  )
}

const columns: readonly Column<BrowsedModel>[] = [
  {
    key: 'model',
    header: 'Model',
    render: (row) => (
      <span className={classes.name}>
        {row.model}
        <span className={classes.under}>
          {row.kind === 'group' ? `Group: ${row.label ?? ''}` : taskName(row.task)}
        </span>
      </span>
    ),
  },
  { key: 'served', header: 'Served by', render: (row) => <ServedMark by={row.servedBy} /> },
  { key: 'service', header: 'Service', render: (row) => row.serviceName ?? '—' },
  {
    key: 'price',
    header: 'In / out per 1M',
    align: 'end',
    render: (row) => <PriceCell model={row} />,
  },
  {
    key: 'context',
    header: 'Context',
    align: 'end',
    tableOnly: true,
    render: (row) => (
      <span title={row.contextTokens === null ? undefined : `${count(row.contextTokens)} tokens`}>
        {contextWords(row.contextTokens)}
      </span>
    ),
  },
  {
    key: 'credits',
    header: 'Typical call',
    align: 'end',
    render: (row) =>
      row.creditMicros === null ? (
        '—'
      ) : row.creditMicros === '0' && row.servedBy !== 'credits' ? (
        'no credits'
      ) : (
        <Credits micros={row.creditMicros} />
      ),
  },
]

const PriceCell = ({ model }: { model: BrowsedModel }) => {
  const { input, output, unit, more, tiered } = shownPrices(model)
  if (unit)
    return (
      <span className={classes.unit}>
        {unit}
        {more > 0 && ` +${more}`}
      </span>
    )
  if (!input && !output) return <span className={classes.quiet}>no price</span>
  return (
    <span className="figure" title={tiered ? 'More for long inputs: open for all prices' : undefined}>
      {input ?? '—'} / {output ?? '—'}
      {tiered && <span aria-hidden> +</span>}
    </span>
  )
}

const tasks = ['chat', 'embedding', 'image', 'speech', 'transcription', 'moderation', 'rerank', 'video']

const Filters = (props: {
  search: ModelSearch
  counts: Readonly<Record<ServedBy, number>> | undefined
  onChange: (changes: Partial<ModelSearch>) => void
}) => {
  const { search, counts, onChange } = props
  const services = useRead('listServices', {})
  const shown = servings.filter(
    ({ value }) =>
      value !== 'organization_key' || value === search.servedBy || (counts?.organization_key ?? 0) > 0,
  )
  return (
    <search className={classes.filters} aria-label="Find models">
      <SearchField
        slash
        label="Find a model"
        text={search.q ?? ''}
        onSearch={(text) => onChange({ q: text || undefined })}
      />
      <NativeSelect
        aria-label="Task"
        value={search.task ?? ''}
        data={[
          { value: '', label: 'Any task' },
          ...tasks.map((task) => ({ value: task, label: taskName(task) })),
        ]}
        onChange={(event) => onChange({ task: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        aria-label="Service"
        value={search.service ?? ''}
        data={[
          { value: '', label: 'Any service' },
          ...(services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
        ]}
        onChange={(event) => onChange({ service: event.currentTarget.value || undefined })}
      />
      <div className={classes.chips}>
        <FilterChips
          label="Show models by what they run on"
          chips={shown.map((serving) => ({
            ...serving,
            ...(counts && { count: counts[serving.value] }),
          }))}
          chosen={search.servedBy}
          onChoose={(servedBy) => onChange({ servedBy })}
        />
      </div>
    </search>
  )
}
