import { Button, NativeSelect } from '@mantine/core'
import { IconAlertTriangle, IconPencil } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { ModelPrice, PriceCoverage } from '../../src/contract/prices.ts'
import { useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { count, counted, exactUsd } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { MidjourneyPrices } from './midjourney-prices.tsx'
import { OwnPrices } from './own-prices.tsx'
import { PriceDrawer } from './price-drawer.tsx'
import { perMillion, priceText } from './price-words.ts'
import classes from './prices.module.css'

const route = getRouteApi('/shell/admin/prices')

type Show = 'all' | 'unpriced' | 'own'

export const Prices = () => {
  const { service = 'openai', search, show = 'all', model } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/prices' })
  const services = useRead('listAdminServices', {})
  const prices = useRead('listModelPrices', { params: { id: service } })
  const name = services.data?.items.find(({ id }) => id === service)?.name ?? service
  return (
    <Page
      title="Models and prices"
      description="What each model costs at its service. Without a price a model runs on own keys only, never on system keys. Your own prices count before those that came with the product."
    >
      <ServiceSelect
        value={service}
        onChange={(next) => void navigate({ search: { service: next }, replace: true })}
      />
      {service === 'midjourney' && <MidjourneyPrices />}
      <OwnPrices service={service} name={name} />
      {(service !== 'midjourney' || (prices.data?.items.length ?? 0) > 0) && (
        <Panel
          flush
          title={`Models of ${name}`}
          description={
            prices.data && `${summary(prices.data.items)} Price book ${prices.data.priceBookVersion}.`
          }
          actions={
            <Button
              variant="default"
              onClick={() => void navigate({ search: (old) => ({ ...old, model: '' }) })}
            >
              Set a price
            </Button>
          }
        >
          <search className={classes.filters} aria-label="Filter models">
            <SearchField
              key={service}
              label="Search models"
              placeholder="Model"
              slash
              text={search ?? ''}
              onSearch={(text) =>
                void navigate({ search: (old) => ({ ...old, search: text || undefined }), replace: true })
              }
            />
            <NativeSelect
              aria-label="Which models"
              value={show}
              data={[
                { value: 'all', label: 'All models' },
                { value: 'unpriced', label: 'Without a price' },
                { value: 'own', label: 'With an own price' },
              ]}
              onChange={(event) => {
                const next = event.currentTarget.value as Show
                void navigate({
                  search: (old) => ({ ...old, show: next === 'all' ? undefined : next }),
                  replace: true,
                })
              }}
            />
          </search>
          <Loaded of={prices} skeleton={<Block height={400} />}>
            {({ items }) => (
              <Models
                key={`${service} ${search} ${show}`}
                known={items.length}
                rows={items.filter((each) => isWanted(each, search, show)).toSorted(byName)}
                open={model}
                onOpen={(row) => void navigate({ search: (old) => ({ ...old, model: row.model }) })}
              />
            )}
          </Loaded>
        </Panel>
      )}
      <PriceDrawer
        service={service}
        name={name}
        model={model}
        price={prices.data?.items.find((each) => each.model === model)}
        onClose={() => void navigate({ search: (old) => ({ ...old, model: undefined }), replace: true })}
      />
    </Page>
  )
}

const ServiceSelect = (props: { value: string; onChange: (id: string) => void }) => {
  const services = useRead('listAdminServices', {})
  const coverage = useRead('listPriceCoverage', {})
  const known = new Map(coverage.data?.items.map((each) => [each.serviceId, each]))
  return (
    <NativeSelect
      label="Service"
      maw={360}
      value={props.value}
      data={(services.data?.items ?? [{ id: props.value, name: props.value }]).map(({ id, name }) => ({
        value: id,
        label: `${name}${coverageWords(known.get(id))}`,
      }))}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  )
}

const coverageWords = (coverage: PriceCoverage | undefined): string => {
  if (coverage === undefined) return ''
  if (coverage.models > 0) return ` (${coverage.priced} of ${coverage.models} priced)`
  return coverage.ownPrices > 0 ? ` (${counted(coverage.ownPrices, 'own price')})` : ' (no price list)'
}

const summary = (items: readonly ModelPrice[]): string => {
  const priced = items.filter(({ isPriced }) => isPriced).length
  if (items.length === 0) return 'None is listed.'
  return priced === items.length
    ? `${counted(items.length, 'model')}, each with a price.`
    : `${count(priced)} of ${counted(items.length, 'model')} have a price.`
}

const isWanted = (price: ModelPrice, search: string | undefined, show: Show): boolean =>
  price.model.toLowerCase().includes((search ?? '').trim().toLowerCase()) &&
  (show === 'all' || (show === 'unpriced' ? !price.isPriced : isOwn(price)))

const byName = (a: ModelPrice, b: ModelPrice): number =>
  a.model.localeCompare(b.model, 'en', { numeric: true })

const isOwn = (price: ModelPrice): boolean => price.lines.some(({ setFor }) => setFor !== null)

/** Dollars for a million tokens; its lowest tier where there are several. */
const Rate = ({ price, unit }: { price: ModelPrice; unit: string }) => {
  const lines = price.lines.filter((line) => line.unit === unit)
  const amount = lines[0] && perMillion(lines[0])
  if (amount === undefined || amount === null) return <span className={classes.quiet}>—</span>
  return (
    <span className="figure">
      {lines.length > 1 && 'from '}
      {exactUsd(amount)}
    </span>
  )
}

const beside = ['input', 'output', 'cacheRead']

const columns: readonly Column<ModelPrice>[] = [
  { key: 'model', header: 'Model', render: (row) => <span className={classes.model}>{row.model}</span> },
  {
    key: 'input',
    header: 'Input / 1M',
    align: 'end',
    render: (row) => <Rate price={row} unit="input" />,
  },
  {
    key: 'cached',
    header: 'Cached input / 1M',
    align: 'end',
    tableOnly: true,
    render: (row) => <Rate price={row} unit="cacheRead" />,
  },
  {
    key: 'output',
    header: 'Output / 1M',
    align: 'end',
    render: (row) => <Rate price={row} unit="output" />,
  },
  {
    key: 'others',
    header: 'Other prices',
    align: 'end',
    render: (row) => <Others price={row} />,
  },
  { key: 'source', header: 'From', render: (row) => <Source price={row} /> },
]

/** The first of them where it is all there is; else how many there are. */
const Others = ({ price }: { price: ModelPrice }) => {
  const others = price.lines.filter(({ unit }) => !beside.includes(unit))
  const total = others.length + price.periods
  const [first] = others
  if (total === 0) return <span className={classes.quiet}>—</span>
  if (first === undefined || others.length < price.lines.length) return count(total)
  return (
    <>
      {priceText(first)}
      {total > 1 && ` and ${count(total - 1)} more`}
    </>
  )
}

const Source = ({ price }: { price: ModelPrice }) => {
  if (!price.isPriced)
    return (
      <Mark tone="credits" icon={IconAlertTriangle} plain>
        No price
      </Mark>
    )
  if (!isOwn(price)) return 'Shipped'
  return (
    <Mark tone="shared" icon={IconPencil} plain>
      {price.lines.every(({ setFor }) => setFor !== null) ? 'Own' : 'Own and shipped'}
    </Mark>
  )
}

const pageSize = 50

const Models = (props: {
  rows: readonly ModelPrice[]
  known: number
  open: string | undefined
  onOpen: (row: ModelPrice) => void
}) => {
  const [shown, setShown] = useState(pageSize)
  if (props.rows.length === 0)
    return (
      <EmptyState title={props.known === 0 ? 'No model is listed' : 'No model matches'}>
        {props.known === 0
          ? 'No reliable price list of this service is shipped. Set the prices of the models that you use; until then they run on own keys only.'
          : 'Search by a part of the name, or show all models.'}
      </EmptyState>
    )
  return (
    <>
      <DataTable
        label="Models"
        rows={props.rows.slice(0, shown)}
        rowKey={(row) => row.model}
        openKey={props.open}
        onOpen={props.onOpen}
        columns={columns}
      />
      {props.rows.length > shown && (
        <div className={classes.more}>
          <Button variant="default" onClick={() => setShown(shown + 200)}>
            Show more ({count(props.rows.length - shown)})
          </Button>
        </div>
      )}
    </>
  )
}
