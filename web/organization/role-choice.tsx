import { Radio, Stack } from '@mantine/core'
import type { Role } from '../../src/contract/permissions.ts'
import { roleName, roleSays } from './role-words.ts'

/** Each with what it means: the name alone says too little to choose by. */
export const RoleChoice = (props: {
  roles: readonly Role[]
  value: Role
  onChange: (role: Role) => void
}) => (
  <Radio.Group label="Role" value={props.value} onChange={props.onChange}>
    <Stack gap={10} mt={6}>
      {props.roles.map((role) => (
        <Radio key={role} value={role} label={roleName[role]} description={roleSays[role]} />
      ))}
    </Stack>
  </Radio.Group>
)
