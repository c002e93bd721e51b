import { ActionIcon, Menu } from '@mantine/core'
import { IconCalendarRepeat, IconDots, IconRotate, IconTestPipe } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { KeyRotation } from '../../../src/contract/rotation.ts'
import { useManagedRotationActions } from '../../data/rotation-actions.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Ago } from '../../ui/figures.tsx'
import { Mark } from '../../ui/mark.tsx'
import { EmptyState } from '../../ui/notice.tsx'
import { Panel } from '../../ui/page.tsx'
import { RotateDialog } from '../rotate-dialog.tsx'
import { RotationMark } from '../rotation-mark.tsx'
import { scheduleWords } from '../rotation-words.ts'
import { KeyName } from '../rotations-table.tsx'
import classes from '../rotation.module.css'
import { ScheduleDialog } from '../schedule-dialog.tsx'
import { DrillDialog } from './drill-dialog.tsx'
import { Schedules } from './schedules.tsx'

interface Task {
  readonly kind: 'rotate' | 'schedule' | 'drill'
  readonly of: KeyRotation
}

/** Every key that administrators answer for: how and when it rotates. */
export const Keys = (props: { keys: readonly KeyRotation[] }) => {
  const actions = useManagedRotationActions()
  const [task, setTask] = useState<Task | null>(null)
  const close = () => setTask(null)
  return (
    <>
      <Panel flush title="Keys" description="System keys and keys of organisations.">
        {props.keys.length === 0 ? (
          <EmptyState title="No key to rotate yet">Add a system key; its rotation is set up here.</EmptyState>
        ) : (
          <DataTable
            label="Keys and their rotation"
            rows={props.keys}
            rowKey={(row) => row.key.id}
            columns={[...columns, actionColumn(setTask)]}
          />
        )}
      </Panel>
      <Schedules />
      {task?.kind === 'rotate' && <RotateDialog of={task.of} actions={actions} onClose={close} />}
      {task?.kind === 'schedule' && <ScheduleDialog of={task.of} actions={actions} onClose={close} />}
      {task?.kind === 'drill' && <DrillDialog of={task.of} onClose={close} />}
    </>
  )
}

const columns: readonly Column<KeyRotation>[] = [
  {
    key: 'key',
    header: 'Key',
    render: (row) => (
      <Link className={classes.plainLink} to="/admin/keys/$id" params={{ id: row.key.id }}>
        <KeyName of={row.key} />
      </Link>
    ),
  },
  {
    key: 'how',
    header: 'How',
    render: (row) => (
      <span className={classes.stack}>
        {row.automatic ? 'By itself' : 'Assisted'}
        {row.notAutomaticBecause !== null && <span className={classes.quiet}>{row.notAutomaticBecause}</span>}
      </span>
    ),
  },
  { key: 'schedule', header: 'Schedule', render: scheduleWords },
  {
    key: 'due',
    header: 'Due',
    render: (row) => (
      <span className={classes.stack}>
        <Ago at={row.dueAt} never="not planned" />
        {row.isOverdue && <Mark tone="bad">Too old</Mark>}
      </span>
    ),
  },
  {
    key: 'state',
    header: 'Now',
    render: (row) =>
      row.rotationState === null ? (
        <span className={classes.quiet}>
          in use since <Ago at={row.versionSince} />
        </span>
      ) : (
        <RotationMark of={{ state: row.rotationState, isOver: false }} />
      ),
  },
]

const actionColumn = (onTask: (task: Task) => void): Column<KeyRotation> => ({
  key: 'actions',
  header: '',
  align: 'end',
  render: (of) => (
    <Menu>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Actions for ${of.key.label}, ${of.key.serviceId}`}
        >
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconRotate size={15} />}
          disabled={of.rotationId !== null}
          onClick={() => onTask({ kind: 'rotate', of })}
        >
          Rotate now
        </Menu.Item>
        <Menu.Item
          leftSection={<IconCalendarRepeat size={15} />}
          onClick={() => onTask({ kind: 'schedule', of })}
        >
          Schedule
        </Menu.Item>
        <Menu.Item leftSection={<IconTestPipe size={15} />} onClick={() => onTask({ kind: 'drill', of })}>
          Drill
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  ),
})
