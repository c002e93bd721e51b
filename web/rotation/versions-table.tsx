import type { KeyVersion } from '../../src/contract/rotation.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { SecretTail } from '../ui/mark.tsx'
import classes from './rotation.module.css'
import { VersionMark } from './rotation-mark.tsx'

const columns: readonly Column<KeyVersion>[] = [
  {
    key: 'version',
    header: 'Version',
    render: (row) => (
      <span className={classes.inline}>
        {row.version} <SecretTail lastFour={row.lastFour} />
      </span>
    ),
  },
  {
    key: 'state',
    header: 'State',
    render: (row) => (
      <span className={classes.stack}>
        <VersionMark state={row.state} />
        {row.inFlight !== null && (
          <span className={classes.quiet}>
            {row.inFlight === 0
              ? 'No operation uses it any more'
              : `${counted(row.inFlight, 'operation')} still on it`}
          </span>
        )}
      </span>
    ),
  },
  { key: 'created', header: 'Stored', render: (row) => <Ago at={row.createdAt} /> },
  { key: 'promoted', header: 'In use since', render: (row) => <Ago at={row.promotedAt} never="—" /> },
  { key: 'retired', header: 'Not any more since', render: (row) => <Ago at={row.retiredAt} never="—" /> },
  { key: 'destroyed', header: 'Destroyed', render: (row) => <Ago at={row.destroyedAt} never="—" /> },
  {
    key: 'remote',
    header: 'At the service',
    render: (row) =>
      row.remoteId === null ? (
        <span className={classes.quiet}>not known</span>
      ) : (
        <code className={classes.wide}>{row.remoteId}</code>
      ),
  },
]

export const VersionsTable = (props: { versions: readonly KeyVersion[] | undefined }) => (
  <DataTable
    label="Versions"
    rows={props.versions ?? []}
    rowKey={(row) => String(row.version)}
    columns={columns}
    loading={props.versions ? undefined : 2}
  />
)
