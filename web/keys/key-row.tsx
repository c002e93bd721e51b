import { ActionIcon, Menu } from '@mantine/core'
import {
  IconAdjustments,
  IconDots,
  IconPencil,
  IconRefresh,
  IconReplace,
  IconTrash,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { Ago } from '../ui/figures.tsx'
import { KeyMark, SecretTail } from '../ui/mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import type { KeyTask } from './key-dialogs.tsx'
import classes from './keys.module.css'
import { LeakMark } from './leak-mark.tsx'

/** One stored key: what it is called, how it ends, how it is doing and what to do about that. */
export const KeyRow = (props: {
  serviceKey: ServiceKey
  actions: KeyActions
  mayManage: boolean
  onTask: (task: KeyTask) => void
  /** Where its own page is. */
  page: '/keys/$id' | '/admin/keys/$id'
  /** Further buttons, such as those that change a system key's priority. */
  controls?: ReactNode
  /** Further items of the menu. */
  menuItems?: ReactNode
}) => {
  const key = props.serviceKey
  return (
    <article className={classes.key} aria-label={`Key ${key.label}`}>
      <div className={classes.keyName}>
        <Link className={classes.label} to={props.page} params={{ id: key.id }}>
          {key.label}
        </Link>
        <SecretTail lastFour={key.lastFour} />
      </div>
      <div className={classes.keyState}>
        <KeyMark status={key.status} verdict={key.verdict} />
        <LeakMark of={key} managed={props.page === '/admin/keys/$id'} />
        <span className={classes.when}>
          checked <Ago at={key.validatedAt} /> · used <Ago at={key.lastUsedAt} />
        </span>
      </div>
      <div className={classes.controls}>
        {props.controls}
        {props.mayManage && <KeyMenu {...props} />}
      </div>
      <KeySettings serviceKey={key} />
      <KeyTrouble serviceKey={key} />
    </article>
  )
}

/** What stands beside the secret: where the key is for. */
const KeySettings = ({ serviceKey: key }: { serviceKey: ServiceKey }) => {
  const fields = useFields(key.serviceId)
  const shown = [
    ...(key.baseUrl === null ? [] : [['Server', key.baseUrl] as const]),
    ...fields.flatMap(({ id, label }) => {
      const text = key.settings[id]
      return text === undefined ? [] : [[label, text] as const]
    }),
  ]
  if (shown.length === 0) return null
  return (
    <dl className={classes.settings}>
      {shown.map(([label, text]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  )
}

const useFields = (serviceId: string) =>
  useRead('listServices', {}).data?.items.find(({ id }) => id === serviceId)?.settingFields ?? []

const KeyTrouble = ({ serviceKey: key }: { serviceKey: ServiceKey }) => {
  const why = key.statusReason ?? (key.verdict === 'valid' ? null : key.verdictDetail)
  if (!why && !key.next) return null
  return (
    <p className={classes.trouble}>
      {[why, key.next].filter(Boolean).join(' ')}
      {key.status === 'cooling' && key.coolingUntil && (
        <>
          {' '}
          Again <Ago at={key.coolingUntil} />.
        </>
      )}
    </p>
  )
}

const KeyMenu = (props: {
  serviceKey: ServiceKey
  actions: KeyActions
  onTask: (task: KeyTask) => void
  menuItems?: ReactNode
}) => {
  const { serviceKey: key, actions } = props
  const hasSettings = useFields(key.serviceId).length > 0
  const checking = actions.recheck.isPending && actions.recheck.variables.id === key.id
  const recheck = () =>
    actions.recheck.mutate(
      { id: key.id },
      {
        onSuccess: (checked) => tellDone(`“${checked.label}”: ${checked.verdictDetail ?? checked.verdict}`),
        onError: tellFault,
      },
    )
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" loading={checking} aria-label={`Actions for ${key.label}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconRefresh size={15} />} onClick={recheck}>
          Check again
        </Menu.Item>
        <Menu.Item
          leftSection={<IconReplace size={15} />}
          onClick={() => props.onTask({ kind: 'replace', key })}
        >
          Replace secret
        </Menu.Item>
        {hasSettings && (
          <Menu.Item
            leftSection={<IconAdjustments size={15} />}
            onClick={() => props.onTask({ kind: 'settings', key })}
          >
            Change settings
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconPencil size={15} />}
          onClick={() => props.onTask({ kind: 'rename', key })}
        >
          Rename
        </Menu.Item>
        {props.menuItems}
        <Menu.Divider />
        <Menu.Item
          data-danger
          leftSection={<IconTrash size={15} />}
          onClick={() => props.onTask({ kind: 'revoke', key })}
        >
          Revoke
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
