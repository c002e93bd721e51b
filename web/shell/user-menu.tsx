import { Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import {
  IconDeviceDesktop,
  IconLogout,
  IconMoon,
  IconSelector,
  IconShieldCheck,
  IconSun,
  IconUser,
} from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { NewCompanyDialog, WorkplaceItems } from '../organization/workplace-items.tsx'
import { tellFault } from '../ui/toast.tsx'
import classes from './navigation.module.css'

const schemes = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'auto', label: 'Like the system', icon: IconDeviceDesktop },
] as const

export const UserMenu = () => {
  const me = useMe()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const signOut = useSignOut()
  const [founding, setFounding] = useState(false)
  return (
    <>
      <Menu position="top-start">
        <Menu.Target>
          <UnstyledButton className={classes.person}>
            <span className={classes.portrait} aria-hidden>
              {me.user.name.slice(0, 1).toUpperCase()}
            </span>
            <span className={classes.names}>
              <span>{me.user.name}</span>
              <span>{me.organization.kind === 'personal' ? me.user.email : me.organization.name}</span>
            </span>
            <span className="visually-hidden">, account menu</span>
            <IconSelector size={15} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{me.user.email}</Menu.Label>
          <Menu.Item leftSection={<IconUser size={15} />} component={Link} to="/account">
            Account
          </Menu.Item>
          <Menu.Item leftSection={<IconShieldCheck size={15} />} component={Link} to="/security">
            Security
          </Menu.Item>
          <WorkplaceItems onNewCompany={() => setFounding(true)} />
          <Menu.Divider />
          <Menu.Label>Appearance</Menu.Label>
          {schemes.map((scheme) => (
            <Menu.Item
              key={scheme.value}
              leftSection={<scheme.icon size={15} />}
              rightSection={colorScheme === scheme.value ? '✓' : undefined}
              onClick={() => setColorScheme(scheme.value)}
            >
              {scheme.label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={15} />} onClick={signOut}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {founding && <NewCompanyDialog onClose={() => setFounding(false)} />}
    </>
  )
}

const useSignOut = (): (() => void) => {
  const act = useAct('signOut')
  const client = useQueryClient()
  const navigate = useNavigate()
  return () =>
    act.mutate(
      {},
      {
        onSuccess: ({ continueAt }) => {
          if (continueAt !== null) return location.assign(continueAt)
          void navigate({ to: '/sign-in' }).then(() => client.clear())
        },
        onError: tellFault,
      },
    )
}
