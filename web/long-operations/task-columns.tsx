import { Progress } from '@mantine/core'
import type { LongOperation } from '../../src/contract/long-operations.ts'
import { ServiceName } from '../data/service-name.tsx'
import { readable } from '../data/words.ts'
import type { Column } from '../ui/data-table.tsx'
import { Ago, Credits } from '../ui/figures.tsx'
import { OwnerMark } from '../ui/mark.tsx'
import { TaskMark } from '../ui/state-mark.tsx'
import classes from './long-operations.module.css'

/** The same on a user’s list and on the administrator’s. */
export const taskColumns: readonly Column<LongOperation>[] = [
  {
    key: 'task',
    header: 'Task',
    render: (row) => (
      <span className={classes.task}>
        {readable(row.action.toLowerCase())}
        <span className={classes.quiet}>
          <ServiceName id={row.serviceId} /> · <code>{row.taskId}</code>
        </span>
      </span>
    ),
  },
  { key: 'state', header: 'State', render: (row) => <State task={row} /> },
  { key: 'owner', header: 'Runs on', render: (row) => <OwnerMark owner={row.keyOwner} /> },
  { key: 'at', header: 'Submitted', render: (row) => <Ago at={row.submittedAt} /> },
  {
    key: 'credits',
    header: 'Credits',
    align: 'end',
    render: (row) =>
      row.isOver ? (
        <Credits micros={row.chargedMicros} />
      ) : row.heldMicros === '0' ? (
        '—'
      ) : (
        <>
          <Credits micros={row.heldMicros} /> held
        </>
      ),
  },
]

const State = ({ task }: { task: LongOperation }) => (
  <span className={classes.state}>
    <TaskMark state={task.state} />
    {!task.isOver && (
      <span className={classes.progress}>
        <Progress value={task.progress} size="sm" aria-label={`Progress of ${task.action.toLowerCase()}`} />
        <span className={classes.quiet}>{task.progress}%</span>
      </span>
    )}
    {task.failure && <span className={classes.failure}>{task.failure}</span>}
    {!task.isOver && task.failedAsks > 1 && (
      <span className={classes.failure}>
        The service did not answer the last {task.failedAsks} questions; given up <Ago at={task.deadlineAt} />
        .
      </span>
    )}
  </span>
)
