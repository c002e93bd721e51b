import { Button, NativeSelect } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { payment as paymentOf } from '../../src/contract/billing.ts'
import { usePages } from '../data/queries.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { FindUser } from './find-user.tsx'
import { PagedTable } from './paged-table.tsx'
import { paymentColumns } from './payment-columns.tsx'
import { PersonName } from './people.tsx'

const route = getRouteApi('/shell/admin/payments')

const statuses = paymentOf.shape.status
const statusNames = {
  requested: 'Requested',
  paid: 'Paid',
  failed: 'Failed',
  denied: 'Denied',
  abandoned: 'Given up',
} as const

export const PaymentList = (props: { openId: string | undefined; onOpen: (id: string) => void }) => {
  const { status, user } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/payments' })
  const pages = usePages('listAllPayments', { status, user })
  return (
    <Panel flush>
      <search className={classes.filters} aria-label="Filter payments">
        <FindUser
          label="Find a payer"
          onFind={({ id }) => void navigate({ search: (now) => ({ ...now, user: id }), replace: true })}
        />
        <NativeSelect
          aria-label="State"
          value={status ?? ''}
          data={[
            { value: '', label: 'Any state' },
            ...statuses.options.map((value) => ({ value, label: statusNames[value] })),
          ]}
          onChange={(event) => {
            const chosen = statuses.safeParse(event.currentTarget.value).data
            void navigate({ search: (now) => ({ ...now, status: chosen }), replace: true })
          }}
        />
        {user !== undefined && (
          <Button
            variant="subtle"
            color="gray"
            onClick={() => void navigate({ search: (now) => ({ ...now, user: undefined }), replace: true })}
          >
            <span>
              Only <PersonName id={user} /> ✕<span className="visually-hidden"> (show everybody’s)</span>
            </span>
          </Button>
        )}
      </search>
      <PagedTable
        pages={pages}
        label="Payments"
        columns={paymentColumns}
        rowKey={(row) => row.id}
        openKey={props.openId}
        onOpen={(row) => props.onOpen(row.id)}
        loading={8}
        empty={
          <EmptyState title={(status ?? user) === undefined ? 'No payments yet' : 'No payment matches'}>
            {(status ?? user) === undefined
              ? 'Purchases, changes of tier and renewals appear here.'
              : 'Choose another state, or everybody.'}
          </EmptyState>
        }
      />
    </Panel>
  )
}
