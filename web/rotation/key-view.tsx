import { Button, Drawer, Menu } from '@mantine/core'
import {
  IconAdjustments,
  IconCalendarRepeat,
  IconDots,
  IconPencil,
  IconRefresh,
  IconReplace,
  IconRotate,
  IconTrash,
} from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import type { KeyCheckRecord } from '../../src/contract/key-hygiene.ts'
import type { KeyRotation, KeyVersion, Rotation, RotationDetail } from '../../src/contract/rotation.ts'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { ServiceName } from '../data/service-name.tsx'
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs.tsx'
import { LeakMark } from '../keys/leak-mark.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { KeyMark, priorityName, SecretTail } from '../ui/mark.tsx'
import { Block, FaultNotice, Notice } from '../ui/notice.tsx'
import { Columns, Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { ChecksTable } from './checks-table.tsx'
import { RotateDialog } from './rotate-dialog.tsx'
import { RotationView } from './rotation-detail.tsx'
import { RotationsTable } from './rotations-table.tsx'
import { scheduleWords } from './rotation-words.ts'
import classes from './rotation.module.css'
import { ScheduleDialog } from './schedule-dialog.tsx'
import { VersionTimeline } from './version-timeline.tsx'
import { VersionsTable } from './versions-table.tsx'

/** What a page about one key has read; undefined: not there yet. */
export interface KeyFacts {
  readonly serviceKey: ServiceKey
  readonly keyRotation: KeyRotation | undefined
  readonly versions: readonly KeyVersion[] | undefined
  readonly rotations: readonly Rotation[] | undefined
  readonly current: RotationDetail | undefined
  /** Null: there is none for keys like this one. */
  readonly checks: readonly KeyCheckRecord[] | undefined | null
  readonly fault: unknown
}

/** Everything about one key, of a user or of the system. */
export const KeyView = (props: {
  of: KeyFacts
  above: ReactNode
  mayManage: boolean
  keyActions: KeyActions
  rotationActions: RotationActions
  use: ReactNode
  onGone: () => void
}) => {
  const { of } = props
  const { serviceKey: key, keyRotation } = of
  const [task, setTask] = useState<KeyTask | null>(null)
  const [asked, setAsked] = useState<'rotate' | 'schedule' | null>(null)
  const [opened, setOpened] = useState<Rotation | null>(null)
  const open = of.rotations?.find((rotation) => !rotation.isOver)
  const past = of.rotations?.filter((rotation) => rotation.isOver)
  const isLive = key.status !== 'revoked'
  return (
    <Page
      title={key.label}
      above={props.above}
      description={
        <span className={classes.inline}>
          <span>
            <ServiceName id={key.serviceId} />
            {key.owner === 'system' && `, ${priorityName(key.priority) ?? ''}`}
          </span>
          <SecretTail lastFour={key.lastFour} />
          <KeyMark status={key.status} verdict={key.verdict} />
          <LeakMark of={key} managed={key.owner === 'system'} />
        </span>
      }
      actions={
        props.mayManage &&
        isLive && (
          <>
            {keyRotation && !open && (
              <Button leftSection={<IconRotate size={16} />} onClick={() => setAsked('rotate')}>
                Rotate now
              </Button>
            )}
            <KeyMenu serviceKey={key} actions={props.keyActions} onTask={setTask} />
          </>
        )
      }
    >
      {of.fault ? <FaultNotice error={of.fault} /> : null}
      <KeyNotices of={key} keyRotation={keyRotation} />
      {open && (
        <Panel title="Rotation under way" description="This page keeps itself up to date.">
          <RotationView
            of={of.current ?? open}
            detail={of.current}
            settings={key.settings}
            actions={props.rotationActions}
          />
        </Panel>
      )}
      <Columns>
        <Panel title="Key">
          <StateFacts of={key} />
        </Panel>
        <Panel
          title="Rotation"
          actions={
            props.mayManage &&
            isLive &&
            keyRotation && (
              <Button
                size="compact-sm"
                variant="default"
                leftSection={<IconCalendarRepeat size={14} />}
                onClick={() => setAsked('schedule')}
              >
                Schedule
              </Button>
            )
          }
        >
          {keyRotation ? <RotationFacts of={keyRotation} /> : <Block height={150} />}
        </Panel>
      </Columns>
      <Panel flush title="Versions" description="A version is one secret; the key keeps its name and place.">
        {of.versions && of.versions.length > 0 && (
          <VersionTimeline versions={of.versions} rotation={open ?? null} />
        )}
        <VersionsTable versions={of.versions} />
      </Panel>
      {props.use}
      {of.checks !== null && (
        <Panel
          flush
          title="Validation history"
          description="What the service said, each time it was asked; equal answers in a row are one line."
        >
          <ChecksTable checks={of.checks} />
        </Panel>
      )}
      {past && past.length > 0 && (
        <Panel flush title="Earlier rotations">
          <RotationsTable label="Earlier rotations" rotations={past} withoutKey onOpen={setOpened} />
        </Panel>
      )}
      <KeyDialogs
        task={task}
        actions={props.keyActions}
        onClose={() => setTask(null)}
        onRevoked={props.onGone}
      />
      {keyRotation && asked === 'rotate' && (
        <RotateDialog of={keyRotation} actions={props.rotationActions} onClose={() => setAsked(null)} />
      )}
      {keyRotation && asked === 'schedule' && (
        <ScheduleDialog of={keyRotation} actions={props.rotationActions} onClose={() => setAsked(null)} />
      )}
      <Drawer opened={opened !== null} onClose={() => setOpened(null)} title="Rotation" size={520}>
        {opened && (
          <RotationView
            of={opened}
            detail={undefined}
            settings={key.settings}
            actions={props.rotationActions}
          />
        )}
      </Drawer>
    </Page>
  )
}

const KeyNotices = (props: { of: ServiceKey; keyRotation: KeyRotation | undefined }) => {
  const { of: key, keyRotation } = props
  const trouble = key.statusReason ?? (key.verdict === 'valid' ? null : key.verdictDetail)
  return (
    <>
      {(trouble !== null || key.next !== null) && (
        <Notice
          tone={key.status === 'invalid' || key.status === 'exhausted' ? 'bad' : 'warning'}
          title={trouble ?? key.next ?? ''}
        >
          {trouble !== null && key.next}
        </Notice>
      )}
      {keyRotation?.isOverdue && (
        <Notice tone="warning" title="This key is older than your organisation allows">
          {`It may become ${counted(keyRotation.maximumAgeDays ?? 0, 'day')} old. Rotate it now.`}
        </Notice>
      )}
    </>
  )
}

const StateFacts = ({ of: key }: { of: ServiceKey }) => {
  const services = useRead('listServices', {})
  const fields = services.data?.items.find(({ id }) => id === key.serviceId)?.settingFields ?? []
  return (
    <Facts>
      <Fact name="Last checked">
        <Ago at={key.validatedAt} />
        {key.verdictDetail !== null && `: ${key.verdictDetail}`}
      </Fact>
      <Fact name="Last used">
        <Ago at={key.lastUsedAt} />
      </Fact>
      <Fact name="Added">
        <Ago at={key.createdAt} />
      </Fact>
      {key.baseUrl !== null && <Fact name="Server">{key.baseUrl}</Fact>}
      {fields.flatMap(({ id, label }) => {
        const text = key.settings[id]
        return text === undefined
          ? []
          : [
              <Fact key={id} name={label}>
                {text}
              </Fact>,
            ]
      })}
    </Facts>
  )
}

const RotationFacts = ({ of }: { of: KeyRotation }) => (
  <Facts>
    <Fact name="How">
      {of.automatic ? 'By itself' : 'Assisted: you make the new key'}
      {!of.automatic && of.notAutomaticBecause !== null && (
        <span className={classes.quiet}> {of.notAutomaticBecause}</span>
      )}
    </Fact>
    <Fact name="Schedule">{scheduleWords(of)}</Fact>
    <Fact name="Due">
      {of.dueAt === null ? 'Not planned' : <Moment at={of.dueAt} />}
      {of.dueAt !== null && (
        <span className={classes.quiet}>
          {' '}
          (<Ago at={of.dueAt} />)
        </span>
      )}
    </Fact>
    <Fact name="In use since">
      <Ago at={of.versionSince} /> (version {of.version})
    </Fact>
    {of.maximumAgeDays !== null && <Fact name="Oldest allowed">{counted(of.maximumAgeDays, 'day')}</Fact>}
  </Facts>
)

const KeyMenu = (props: { serviceKey: ServiceKey; actions: KeyActions; onTask: (task: KeyTask) => void }) => {
  const { serviceKey: key, actions } = props
  const recheck = () =>
    actions.recheck.mutate(
      { id: key.id },
      {
        onSuccess: (checked) => tellDone(`“${checked.label}”: ${checked.verdictDetail ?? checked.verdict}`),
        onError: tellFault,
      },
    )
  const ask = (kind: KeyTask['kind']) => () => props.onTask({ kind, key })
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" loading={actions.recheck.isPending} aria-label={`Actions for ${key.label}`}>
          <IconDots size={16} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconRefresh size={15} />} onClick={recheck}>
          Check again
        </Menu.Item>
        <Menu.Item leftSection={<IconReplace size={15} />} onClick={ask('replace')}>
          Replace secret
        </Menu.Item>
        {Object.keys(key.settings).length > 0 && (
          <Menu.Item leftSection={<IconAdjustments size={15} />} onClick={ask('settings')}>
            Change settings
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconPencil size={15} />} onClick={ask('rename')}>
          Rename
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item data-danger leftSection={<IconTrash size={15} />} onClick={ask('revoke')}>
          Revoke
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
