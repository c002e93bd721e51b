import { Button } from '@mantine/core'
import type { OwnPrice } from '../../src/contract/prices.ts'
import { useRead } from '../data/queries.ts'
import { outcomeWords, useChangePrices } from '../data/save-prices.ts'
import { unitName } from '../data/unit-words.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { priceText } from './price-words.ts'
import classes from './prices.module.css'

const keyOf = ({ model, unit }: OwnPrice): string => `${model} ${unit}`

/** What the administrators of this installation have set for a service; nothing at all while there is nothing. */
export const OwnPrices = (props: { service: string; name: string }) => {
  const prices = useRead('listPrices', {})
  if (prices.error && !prices.data)
    return <FaultNotice error={prices.error} onRetry={() => void prices.refetch()} />
  const rows = (prices.data?.items ?? []).filter(({ serviceId }) => serviceId === props.service)
  if (rows.length === 0) return null
  return (
    <Panel
      flush
      title={`Own prices of ${props.name}`}
      description="Set here, with the reason that was given."
    >
      <DataTable
        label="Own prices"
        rows={rows}
        rowKey={keyOf}
        columns={[
          {
            key: 'model',
            header: 'Model',
            render: (row) => <span className={classes.model}>{row.model}</span>,
          },
          { key: 'unit', header: 'For', render: (row) => unitName(row.unit) },
          { key: 'price', header: 'Price', align: 'end', render: priceText },
          { key: 'reason', header: 'Reason', render: (row) => row.reason },
          { key: 'at', header: 'Set', render: (row) => <Ago at={row.changedAt} /> },
          { key: 'actions', header: '', align: 'end', render: (row) => <RemovePrice price={row} /> },
        ]}
      />
    </Panel>
  )
}

/** Takes an own price back; undoing sets it again, with the reason it had. */
export const RemovePrice = ({ price }: { price: OwnPrice }) => {
  const change = useChangePrices()
  const { serviceId, model, unit, nanoUsd, per, reason } = price
  const undo = () =>
    change.mutateAsync({ edits: [{ kind: 'set_price', serviceId, model, unit, nanoUsd, per }], reason })
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="red"
      aria-label={`Remove the price of ${model}, ${unitName(unit)}`}
      loading={change.isPending}
      onClick={() =>
        void change
          .mutateAsync({
            edits: [{ kind: 'remove_price', serviceId, model, unit }],
            reason: 'Taken back',
          })
          .then(
            (changed) =>
              tellDone(
                outcomeWords(`The own price of ${model} is removed`, changed),
                changed.change.status === 'approved' ? undo : undefined,
              ),
            tellFault,
          )
      }
    >
      Remove
    </Button>
  )
}
