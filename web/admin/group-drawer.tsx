import { Button, Drawer } from '@mantine/core'
import { useState } from 'react'
import type { AdminGroup, ListedGroup, ModelGroup } from '../../src/contract/groups.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Lines, Loaded, Notice } from '../ui/notice.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { GroupForm } from './group-form.tsx'
import classes from './groups.module.css'
import { newGroup } from './group-words.ts'

export const groupReads = ['listAdminGroups', 'listGroups', 'browseModels'] as const

/** In the form or dialog that asked. */
const shown = () => undefined

interface Reading {
  readonly data: Reply<'listAdminGroups'> | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** One group, to be looked at and changed; its address can be sent. */
export const GroupDrawer = (props: {
  id: string | undefined
  groups: Reading
  /** What a call of the reader would run on. */
  now: ListedGroup | undefined
  onOpen: (id: string | undefined) => void
}) => {
  const { id } = props
  const isNew = id === newGroup
  const group = isNew ? undefined : props.groups.data?.items.find((each) => each.id === id)
  const close = () => props.onOpen(undefined)
  return (
    <Drawer
      opened={id !== undefined}
      onClose={close}
      title={isNew ? 'Create group' : (group?.label ?? 'Group')}
      size={600}
    >
      {isNew ? (
        <CreateGroup onCreated={(created) => props.onOpen(created.id)} onClose={close} />
      ) : (
        id !== undefined && (
          <Loaded of={props.groups} skeleton={<Lines count={10} />}>
            {() =>
              group ? (
                <GroupDetail key={group.id} group={group} now={props.now} onClose={close} />
              ) : (
                <Notice tone="warning" title="There is no such group." />
              )
            }
          </Loaded>
        )
      )}
    </Drawer>
  )
}

const CreateGroup = (props: { onCreated: (group: AdminGroup) => void; onClose: () => void }) => {
  const create = useAct('createGroup', groupReads)
  return (
    <GroupForm
      group={null}
      busy={create.isPending}
      error={create.error}
      onCancel={props.onClose}
      onSave={(body) =>
        create.mutate(
          { body },
          {
            onSuccess: (created) => {
              tellDone(`Callers can ask for group/${created.id} from now on.`)
              props.onCreated(created)
            },
          },
        )
      }
    />
  )
}

const contentsOf = (group: AdminGroup | ModelGroup): Omit<ModelGroup, 'id'> => ({
  label: group.label,
  description: group.description,
  task: group.task as ModelGroup['task'],
  models: [...group.models],
  attemptTimeoutSeconds: group.attemptTimeoutSeconds ?? null,
  hedgeAfterSeconds: group.hedgeAfterSeconds ?? null,
})

const GroupDetail = (props: { group: AdminGroup; now: ListedGroup | undefined; onClose: () => void }) => {
  const { group, now, onClose } = props
  const change = useAct('changeGroup', groupReads)
  const send = (body: Omit<ModelGroup, 'id'>) => change.mutateAsync({ params: { id: group.id }, body })
  const save = (next: ModelGroup) => {
    const before = contentsOf(group)
    void send(contentsOf(next)).then(
      () => tellDone(`group/${group.id} is saved; the next operation follows it.`, () => send(before)),
      shown,
    )
  }
  if (group.origin === 'removed') return <RemovedGroup group={group} />
  return (
    <div className={classes.detail}>
      <Now now={now} />
      <GroupForm
        // What was saved, by whomever, is what is edited next.
        key={JSON.stringify(contentsOf(group))}
        group={group}
        busy={change.isPending}
        error={change.error}
        onCancel={onClose}
        onSave={save}
      />
      <GroupEnd group={group} onClose={onClose} />
    </div>
  )
}

const Now = ({ now }: { now: ListedGroup | undefined }) => {
  if (now === undefined) return null
  if (now.next === null)
    return (
      <Notice tone="warning" title="A call of yours would be refused now">
        {now.nextNot}
      </Notice>
    )
  return (
    <Notice tone="info" title={`A call of yours would use ${now.next.model} at ${now.next.serviceName}`}>
      {now.next.keyOwner === 'system' ? 'On a system key, for credits.' : 'On an own key, without credits.'}{' '}
      Whoever has other keys may get another of its models: look at “What would happen” of a user.
    </Notice>
  )
}

/** Going back to what came with the product, and taking the group away. */
const GroupEnd = ({ group, onClose }: { group: AdminGroup; onClose: () => void }) => {
  const [asking, setAsking] = useState<'reset' | 'remove' | null>(null)
  const remove = useAct('removeGroup', groupReads)
  const reset = useAct('resetGroup', groupReads)
  const params = { id: group.id }
  const done = (message: string) => () => {
    tellDone(message)
    setAsking(null)
  }
  return (
    <div className={classes.end}>
      {group.origin === 'changed' && (
        <Button variant="default" onClick={() => setAsking('reset')}>
          Reset to shipped
        </Button>
      )}
      <Button variant="outline" color="red" onClick={() => setAsking('remove')}>
        Remove group
      </Button>
      <ConfirmDialog
        opened={asking === 'reset'}
        title={`Reset group/${group.id}?`}
        submit="Reset to shipped"
        busy={reset.isPending}
        error={reset.error}
        onConfirm={() =>
          void reset.mutateAsync({ params }).then(done(`group/${group.id} is as it was shipped.`), shown)
        }
        onClose={() => setAsking(null)}
      >
        <p>
          Its models and their order become those that came with the product. What was changed here is gone.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === 'remove'}
        title={`Remove group/${group.id}?`}
        submit="Remove group"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          // The group, and this part of the page with it, are gone before it is told.
          void remove.mutateAsync({ params }).then(() => {
            done(`group/${group.id} is removed.`)()
            onClose()
          }, shown)
        }
        onClose={() => setAsking(null)}
      >
        <p>
          Calls that ask for <strong>group/{group.id}</strong> are refused from now on.
          {group.origin !== 'own' && ' It can be brought back as it was shipped.'}
        </p>
      </ConfirmDialog>
    </div>
  )
}

const RemovedGroup = ({ group }: { group: AdminGroup }) => {
  const reset = useAct('resetGroup', groupReads)
  return (
    <div className={classes.detail}>
      <Notice tone="info" title="Removed">
        Calls that ask for group/{group.id} are refused.
      </Notice>
      <div className={classes.end}>
        <Button
          loading={reset.isPending}
          onClick={() =>
            void reset
              .mutateAsync({ params: { id: group.id } })
              .then(() => tellDone(`group/${group.id} is back, as it was shipped.`), tellFault)
          }
        >
          Bring it back
        </Button>
      </div>
    </div>
  )
}
