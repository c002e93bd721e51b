import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconProgress, type Icon } from '@tabler/icons-react'
import type { CheckCause, KeyCheckRecord } from '../../src/contract/key-hygiene.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { Mark, type Tone } from '../ui/mark.tsx'
import { EmptyState } from '../ui/notice.tsx'
import classes from './rotation.module.css'

const causes: Readonly<Record<CheckCause, string>> = {
  added: 'When it was added',
  replaced: 'When its secret was replaced',
  settings_changed: 'When its settings changed',
  by_hand: 'By hand',
  periodic: 'From time to time',
  refused: 'An operation was refused',
  unwell: 'It was not well',
}

const verdicts: Readonly<Record<KeyCheckRecord['verdict'], { text: string; tone: Tone; icon: Icon }>> = {
  valid: { text: 'Accepted', tone: 'own', icon: IconCircleCheck },
  valid_but_unusable: { text: 'Accepted, restricted', tone: 'credits', icon: IconAlertTriangle },
  unknown: { text: 'Not proven', tone: 'quiet', icon: IconProgress },
  invalid: { text: 'Refused', tone: 'bad', icon: IconCircleX },
}

const columns: readonly Column<KeyCheckRecord>[] = [
  {
    key: 'verdict',
    header: 'Verdict',
    render: (row) => (
      <Mark tone={verdicts[row.verdict].tone} icon={verdicts[row.verdict].icon} plain>
        {verdicts[row.verdict].text}
      </Mark>
    ),
  },
  {
    key: 'detail',
    header: 'What the service said',
    render: (row) => <span className={classes.wide}>{row.detail}</span>,
  },
  { key: 'cause', header: 'Asked', render: (row) => causes[row.cause] },
  { key: 'version', header: 'Version', align: 'end', render: (row) => row.version },
  {
    key: 'at',
    header: 'When',
    align: 'end',
    render: (row) => (
      <span className={classes.stack} data-align="end">
        <Ago at={row.at} />
        {row.times > 1 && (
          <span className={classes.quiet}>
            {count(row.times)} times since <Ago at={row.firstAt} />
          </span>
        )}
      </span>
    ),
  },
]

/** What the service said of a key, each time it was asked. */
export const ChecksTable = (props: { checks: readonly KeyCheckRecord[] | undefined }) =>
  props.checks?.length === 0 ? (
    <EmptyState title="Not checked yet">
      Each time the service is asked about this key, its answer stands here.
    </EmptyState>
  ) : (
    <DataTable
      label="Validation history"
      rows={props.checks ?? []}
      rowKey={(row) => row.id}
      columns={columns}
      loading={props.checks ? undefined : 3}
    />
  )
