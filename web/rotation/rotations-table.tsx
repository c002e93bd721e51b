import type { Rotation } from '../../src/contract/rotation.ts'
import { ServiceName } from '../data/service-name.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { PhaseTrack } from './phase-track.tsx'
import { RotationMark } from './rotation-mark.tsx'
import { stateWords, triggerWords } from './rotation-words.ts'
import classes from './rotation.module.css'

/** Whose key it is, by the name that people gave it. */
export const KeyName = ({ of }: { of: Rotation['key'] }) => (
  <span className={classes.stack}>
    <span className={classes.name}>{of.label}</span>
    <span className={classes.quiet}>
      <ServiceName id={of.serviceId} />
      {of.owner !== 'system' && `, ${of.organizationName}`}
    </span>
  </span>
)

const keyColumn: Column<Rotation> = { key: 'key', header: 'Key', render: (row) => <KeyName of={row.key} /> }

const columns: readonly Column<Rotation>[] = [
  { key: 'state', header: 'State', render: (row) => <RotationMark of={row} /> },
  {
    key: 'phase',
    header: 'Progress',
    width: '170px',
    render: (row) => <PhaseTrack of={row} small />,
  },
  { key: 'trigger', header: 'Started', render: (row) => triggerWords[row.trigger] },
  { key: 'started', header: 'When', align: 'end', render: (row) => <Ago at={row.startedAt} /> },
  {
    key: 'ended',
    header: 'Ended',
    align: 'end',
    render: (row) => <Ago at={row.endedAt} never="under way" />,
  },
]

export const RotationsTable = (props: {
  label: string
  rotations: readonly Rotation[] | undefined
  withoutKey?: boolean
  underWay?: boolean
  openKey?: string | undefined
  onOpen: (rotation: Rotation) => void
}) => (
  <DataTable
    label={props.label}
    rows={props.rotations ?? []}
    rowKey={(row) => row.id}
    columns={[
      ...(props.withoutKey ? [] : [keyColumn]),
      ...columns.filter(({ key }) => !props.underWay || key !== 'ended'),
    ]}
    onOpen={props.onOpen}
    // Where the cell names the key, it says enough; a label must begin with what is seen.
    {...(props.withoutKey && {
      openLabel: (row: Rotation) => `${stateWords[row.state].text}: show this rotation`,
    })}
    openKey={props.openKey}
    loading={props.rotations ? undefined : 3}
  />
)
