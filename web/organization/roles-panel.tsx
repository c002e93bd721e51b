import { IconCheck, IconMinus } from '@tabler/icons-react'
import { may, type Permission, type Role, roles } from '../../src/contract/permissions.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './organization.module.css'
import { permissionWords, roleName } from './role-words.ts'

type Line = readonly [Permission, string]

const Allowed = ({ role, permission }: { role: Role; permission: Permission }) =>
  may(role, permission) ? (
    <span className={classes.yes}>
      <IconCheck size={16} stroke={2.2} aria-hidden />
      <span className="visually-hidden">Yes</span>
    </span>
  ) : (
    <span className={classes.no}>
      <IconMinus size={14} aria-hidden />
      <span className="visually-hidden">No</span>
    </span>
  )

const columns: readonly Column<Line>[] = [
  {
    key: 'what',
    header: 'May',
    render: ([permission, words]) => (
      <span className={classes.who}>
        {words}
        <span className={classes.rolesBelow}>
          {roles
            .filter((role) => may(role, permission))
            .map((role) => roleName[role])
            .join(', ')}
        </span>
      </span>
    ),
  },
  ...roles.map((role) => ({
    key: role,
    header: roleName[role],
    tableOnly: true,
    render: ([permission]: Line) => <Allowed role={role} permission={permission} />,
  })),
]

/** From the same table that the gateway decides by. */
export const RolesPanel = () => (
  <Panel flush title="What each role may do" description="Everybody has one role in an organisation.">
    <DataTable label="Roles" rows={permissionWords} rowKey={([permission]) => permission} columns={columns} />
  </Panel>
)
