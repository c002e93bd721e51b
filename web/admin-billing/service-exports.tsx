import { Button, Drawer } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { ReconciliationTolerance, ServiceExport } from '../../src/contract/reconciliation.ts'
import { useAct, usePages, useRead } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import type { Column } from '../ui/data-table.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { count, utcDay } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { Comparison } from './comparison.tsx'
import { ImportForm } from './import-form.tsx'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { formatNames } from './reconciliation-words.ts'
import { Tolerance } from './tolerance.tsx'
import { exportReads } from './reads.ts'

const route = getRouteApi('/shell/admin/reconciliation')

const columns: readonly Column<ServiceExport>[] = [
  {
    key: 'service',
    header: 'Export',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>
          <ServiceName id={row.serviceId} />
        </span>
        <span className={classes.quiet}>{row.fileName}</span>
      </span>
    ),
  },
  { key: 'format', header: 'Format', render: (row) => formatNames[row.format] },
  {
    key: 'days',
    header: 'Days (UTC)',
    render: (row) => (
      <span>
        {utcDay(row.from)} until {utcDay(row.until)}
      </span>
    ),
  },
  { key: 'lines', header: 'Lines', align: 'end', render: (row) => count(row.lines) },
  { key: 'unexplained', header: 'Unexplained', render: (row) => <Unexplained number={row.unexplained} /> },
  { key: 'at', header: 'Imported', align: 'end', render: (row) => <Ago at={row.importedAt} /> },
]

const Unexplained = ({ number }: { number: number }) =>
  number === 0 ? (
    <Mark tone="own" plain>
      None
    </Mark>
  ) : (
    <Mark tone="bad" plain>
      {count(number)}
    </Mark>
  )

/** What services say was used, compared with our operations; every run compares it again. */
export const ServiceExports = (props: { tolerance: ReconciliationTolerance | undefined }) => {
  const { exported } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/reconciliation' })
  const pages = usePages('listServiceExports', {})
  const [importing, setImporting] = useState(false)
  const open = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, exported: id }), replace: id === undefined })
  return (
    <>
      <Panel
        flush
        title="Imported exports"
        description="Usage and cost as services tell them, compared with our operations by day and model."
        actions={
          <Button variant="default" leftSection={<IconUpload size={16} />} onClick={() => setImporting(true)}>
            Import an export
          </Button>
        }
      >
        <PagedTable
          pages={pages}
          label="Imported exports"
          columns={columns}
          rowKey={(row) => row.id}
          openKey={exported}
          onOpen={(row) => open(row.id)}
          empty={
            <EmptyState title="Nothing imported yet">
              Download a service’s usage or cost export, and import it here. It is compared before it is kept.
            </EmptyState>
          }
        />
      </Panel>
      {props.tolerance && <Tolerance tolerance={props.tolerance} />}
      <ExportDrawer id={exported} onClose={() => open(undefined)} />
      <Drawer opened={importing} onClose={() => setImporting(false)} title="Import an export" size={720}>
        {importing && (
          <ImportForm
            onImported={(id) => {
              setImporting(false)
              open(id)
            }}
          />
        )}
      </Drawer>
    </>
  )
}

const ExportDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const read = useRead(
    'readServiceExport',
    { params: { id: props.id ?? '' } },
    { enabled: props.id !== undefined },
  )
  return (
    <Drawer
      opened={props.id !== undefined}
      onClose={props.onClose}
      title={read.data && props.id ? read.data.fileName : 'Export'}
      size={720}
    >
      {props.id !== undefined && (
        <Loaded of={read} skeleton={<Lines count={10} />}>
          {(data) => (
            <div className={classes.detail}>
              <Facts>
                <Fact name="Service">
                  <ServiceName id={data.serviceId} />, {formatNames[data.format]}
                </Fact>
                <Fact name="Keys">
                  {data.keyOwner === 'system' ? 'System keys' : 'Own keys'}
                  {data.serviceKeyId !== null && (
                    <>
                      , only <code>…{data.serviceKeyId.slice(-8)}</code>
                    </>
                  )}
                </Fact>
                <Fact name="Days (UTC)">
                  {utcDay(data.from)} until {utcDay(data.until)}
                </Fact>
                <Fact name="Imported">
                  <Ago at={data.importedAt} />, by <By by={data.importedBy} />
                </Fact>
                <Fact name="Unexplained">
                  <Unexplained number={data.unexplained} />
                </Fact>
              </Facts>
              <Comparison rows={data.comparison} />
              <Remove export={data} onRemoved={props.onClose} />
            </div>
          )}
        </Loaded>
      )}
    </Drawer>
  )
}

const Remove = (props: { export: ServiceExport; onRemoved: () => void }) => {
  const remove = useAct('removeServiceExport', exportReads)
  const [asking, setAsking] = useState(false)
  return (
    <div className={classes.buttons}>
      <Button variant="subtle" color="red" onClick={() => setAsking(true)}>
        Forget this import
      </Button>
      <ConfirmDialog
        opened={asking}
        title={`Forget ${props.export.fileName}?`}
        submit="Forget import"
        busy={remove.isPending}
        error={remove.error}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          after(remove.mutateAsync({ params: { id: props.export.id } }), () => {
            setAsking(false)
            tellDone('Forgotten. What past runs found of it stays.')
            props.onRemoved()
          })
        }
      >
        <p>Runs no longer compare it. What past runs found of it stays.</p>
      </ConfirmDialog>
    </div>
  )
}
