import { Button, Switch } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useRef } from 'react'
import { usePages } from '../data/queries.ts'
import { FilterBar, filtersOf } from '../operations/filters.tsx'
import { OperationsList } from '../operations/operations-list.tsx'
import classes from '../operations/operations.module.css'
import { ReceiptDrawer } from '../operations/receipt.tsx'
import { useLive } from '../operations/use-live.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'

const route = getRouteApi('/shell/operations')

export const Operations = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const { operation, live = true } = search
  const filters = filtersOf(search)
  const navigate = useNavigate({ from: '/operations' })
  const pages = usePages('listOperations', { ...filters })
  const list = useRef<HTMLDivElement | null>(null)
  const filtered = Object.values(filters).some((value) => value !== undefined)
  // Nothing that starts from now on belongs to a range that has ended.
  const mayChange = filters.until === undefined
  const coming = useLive({
    on: live && mayChange,
    filters,
    shown: pages.data?.pages.flatMap((page) => page.items),
    held: operation !== undefined,
    list,
  })
  return (
    <Page
      title="Operations"
      description={`Every call with its receipt: which key paid, and why. Times in ${zone}.`}
      actions={
        <Switch
          label="Live"
          labelPosition="left"
          checked={live && mayChange}
          disabled={!mayChange}
          onChange={(event) => {
            const on = event.currentTarget.checked
            void navigate({ search: (now) => ({ ...now, live: on ? undefined : false }), replace: true })
          }}
        />
      }
    >
      <output className="visually-hidden">
        {coming.waiting > 0 ? `${counted(coming.waiting, 'new operation')} to show` : coming.said}
      </output>
      <div>
        <Panel flush>
          <FilterBar
            filters={filters}
            onChange={(changed) =>
              void navigate({ search: (now) => ({ ...now, ...changed }), replace: true })
            }
            onClear={() => void navigate({ search: { live: search.live }, replace: true })}
          />
          <div ref={list}>
            <OperationsList
              pages={pages}
              openId={operation}
              onOpen={(id) => void navigate({ search: (now) => ({ ...now, operation: id }) })}
              empty={filtered ? <NoneMatch /> : <NoneYet />}
            />
          </div>
        </Panel>
        {coming.waiting > 0 && (
          <div className={classes.waiting}>
            <Button size="compact-md" onClick={coming.show}>
              Show {counted(coming.waiting, 'new operation')}
            </Button>
          </div>
        )}
      </div>
      <ReceiptDrawer
        id={operation}
        onClose={() => void navigate({ search: (now) => ({ ...now, operation: undefined }), replace: true })}
      />
    </Page>
  )
}

const NoneMatch = () => (
  <EmptyState title="No operation matches these filters">Clear a filter to see more.</EmptyState>
)

const NoneYet = () => (
  <EmptyState
    title="No operations yet"
    action={
      <TextLink>
        <Link to="/access-tokens">Create an access token</Link>
      </TextLink>
    }
  >
    Point a client at this gateway with an access token; its first call appears here with its receipt.
  </EmptyState>
)
