import { Button, Checkbox, Switch, TextInput } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { AnomalyOnWire, AnomalyThresholds } from '../../src/contract/oversight.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago, Usd } from '../ui/figures.tsx'
import { moneyText, parseMoney } from '../ui/money.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './oversight.module.css'

const route = getRouteApi('/shell/anomalies')
const kinds = { sudden_spend: 'Sudden spend', new_model: 'New model', new_country: 'New country' } as const

/** What is unusual in the organisation's use. */
export const Anomalies = () => {
  const { role } = useMe()
  const mayChange = may(role, 'billing.manage')
  const { all } = route.useSearch()
  const navigate = useNavigate({ from: '/anomalies' })
  const found = useRead('listAnomalies', { query: { all: all ? 'true' : 'false' } }, { refreshSeconds: 30 })
  const dismiss = useAct('dismissAnomaly', ['listAnomalies'])
  const [changing, setChanging] = useState(false)
  return (
    <Page
      title="Anomalies"
      description="Sudden spend, models and countries that are new; those who run the organisation are told."
      actions={
        mayChange &&
        found.data && (
          <Button variant="default" onClick={() => setChanging(true)}>
            Thresholds
          </Button>
        )
      }
    >
      <Panel
        flush
        title={all ? 'All of them' : 'To look at'}
        actions={
          <Switch
            label="Dismissed ones, too"
            labelPosition="left"
            checked={all === true}
            onChange={(event) =>
              void navigate({ search: { all: event.currentTarget.checked || undefined }, replace: true })
            }
          />
        }
      >
        <Loaded of={found} skeleton={<Block height={220} narrow={380} />}>
          {({ items, thresholds }) =>
            items.length === 0 ? (
              <EmptyState title="Nothing unusual">{words(thresholds)}</EmptyState>
            ) : (
              <DataTable
                label="Anomalies"
                rows={items}
                rowKey={({ id }) => id}
                columns={[
                  { key: 'kind', header: 'What', render: ({ kind }) => kinds[kind] },
                  { key: 'detail', header: 'Detail', render: (row) => <Detail row={row} /> },
                  {
                    key: 'who',
                    header: 'Who',
                    render: ({ email }) => (
                      <span className={classes.name}>{email ?? 'Everybody together'}</span>
                    ),
                  },
                  { key: 'at', header: 'When', render: ({ at }) => <Ago at={at} /> },
                  {
                    key: 'actions',
                    header: '',
                    align: 'end',
                    render: (row) =>
                      row.dismissedAt !== null ? (
                        'Dismissed'
                      ) : mayChange ? (
                        <Button
                          size="compact-sm"
                          variant="default"
                          loading={dismiss.isPending && dismiss.variables?.params.id === row.id}
                          onClick={() => dismiss.mutate({ params: { id: row.id } }, { onError: tellFault })}
                        >
                          Dismiss<span className="visually-hidden"> {kinds[row.kind]}</span>
                        </Button>
                      ) : null,
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
      {changing && found.data && (
        <Thresholds thresholds={found.data.thresholds} onClose={() => setChanging(false)} />
      )}
    </Page>
  )
}

const dollars = (nanoUsd: string): string => moneyText(BigInt(nanoUsd) / 10_000_000n, 'USD')

const words = ({
  spendFactor,
  spendFloorNanoUsd,
  tellsModels,
  tellsCountries,
}: AnomalyThresholds): string => {
  const also = [
    tellsModels && 'first uses of a model',
    tellsCountries && 'first calls from a country',
  ].filter(Boolean)
  return `Told are 24 hours that cost ${spendFactor} times an ordinary day and at least $${dollars(spendFloorNanoUsd)}${also.length > 0 ? `, ${also.join(', ')}` : ''}.`
}

const Detail = ({ row }: { row: AnomalyOnWire }) => {
  if (row.kind === 'sudden_spend')
    return (
      <>
        <Usd nanoUsd={row.spentNanoUsd} /> in 24 hours
        <span className={classes.second}>
          An ordinary day: <Usd nanoUsd={row.usualNanoUsd} />
        </span>
      </>
    )
  if (row.kind === 'new_country') return <>{countryName(row.country)}</>
  return (
    <span className={classes.name}>
      {row.model}
      {row.serviceId && (
        <span className={classes.second}>
          <ServiceName id={row.serviceId} />
        </span>
      )}
    </span>
  )
}

const countryName = (code: string | null): string =>
  code === null
    ? 'Unknown'
    : (new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' }).of(code) ?? code)

const Thresholds = (props: { thresholds: AnomalyThresholds; onClose: () => void }) => {
  const known = props.thresholds
  const [factor, setFactor] = useState(String(known.spendFactor))
  const [floor, setFloor] = useState(dollars(known.spendFloorNanoUsd))
  const [tellsModels, setTellsModels] = useState(known.tellsModels)
  const [tellsCountries, setTellsCountries] = useState(known.tellsCountries)
  const save = useAct('setAnomalyThresholds', ['listAnomalies'])
  const cents = parseMoney(floor, 'USD')
  const isFactor = /^\d{1,3}$/.test(factor) && Number(factor) >= 2 && Number(factor) <= 100
  const isFloor = cents !== null && BigInt(cents) > 0n
  return (
    <FormDialog
      opened
      title="When something is unusual"
      submit="Save"
      busy={save.isPending}
      error={save.error}
      blocked={!isFactor || !isFloor}
      onSubmit={() =>
        save.mutate(
          {
            body: {
              spendFactor: Number(factor),
              spendFloorNanoUsd: String(BigInt(cents ?? '0') * 10_000_000n),
              tellsModels,
              tellsCountries,
            },
          },
          {
            onSuccess: () => {
              props.onClose()
              tellDone('Saved.')
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Times an ordinary day"
        description="The mean of the days with use in the four weeks before."
        inputMode="numeric"
        value={factor}
        error={isFactor ? null : 'A whole number from 2 to 100'}
        onChange={(event) => setFactor(event.currentTarget.value)}
      />
      <TextInput
        label="And at least, in dollars within 24 hours"
        inputMode="decimal"
        value={floor}
        error={isFloor ? null : 'An amount, such as 5.00'}
        onChange={(event) => setFloor(event.currentTarget.value)}
      />
      <Checkbox
        label="First use of a model"
        checked={tellsModels}
        onChange={(event) => setTellsModels(event.currentTarget.checked)}
      />
      <Checkbox
        label="First call of somebody from a country"
        description="Where this installation knows countries."
        checked={tellsCountries}
        onChange={(event) => setTellsCountries(event.currentTarget.checked)}
      />
    </FormDialog>
  )
}
