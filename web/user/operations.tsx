import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { usePages } from '../data/queries.ts'
import { FilterBar } from '../operations/filters.tsx'
import { OperationsList } from '../operations/operations-list.tsx'
import { ReceiptDrawer } from '../operations/receipt.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { Link } from '@tanstack/react-router'

const route = getRouteApi('/shell/operations')

export const Operations = () => {
  const zone = useTimeZone()
  const { operation, ...filters } = route.useSearch()
  const navigate = useNavigate({ from: '/operations' })
  const pages = usePages('listOperations', filters)
  const filtered = Object.values(filters).some((value) => value !== undefined)
  return (
    <Page
      title="Operations"
      description={`Every call with its receipt: which key paid, and why. Times in ${zone}.`}
    >
      <Panel flush>
        <FilterBar
          filters={filters}
          onChange={(search) => void navigate({ search, replace: true })}
          onClear={() => void navigate({ search: {}, replace: true })}
        />
        <OperationsList
          pages={pages}
          openId={operation}
          onOpen={(id) => void navigate({ search: (search) => ({ ...search, operation: id }) })}
          empty={filtered ? <NoneMatch /> : <NoneYet />}
        />
      </Panel>
      <ReceiptDrawer
        id={operation}
        onClose={() =>
          void navigate({ search: (search) => ({ ...search, operation: undefined }), replace: true })
        }
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
