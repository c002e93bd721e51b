import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { RotationCredential, RotationDriverOnWire } from '../../../src/contract/rotation.ts'
import { useAct, useRead } from '../../data/queries.ts'
import { ServiceName } from '../../data/service-name.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Ago } from '../../ui/figures.tsx'
import { Mark } from '../../ui/mark.tsx'
import { Block, EmptyState, Loaded } from '../../ui/notice.tsx'
import { Panel } from '../../ui/page.tsx'
import { tellDone, tellFault } from '../../ui/toast.tsx'
import { Findings } from '../findings.tsx'
import classes from '../rotation.module.css'
import { CredentialDialog } from './credential-dialog.tsx'

const statuses = {
  valid: { tone: 'own', text: 'Good' },
  invalid: { tone: 'bad', text: 'Not good' },
  unknown: { tone: 'quiet', text: 'Not proven' },
} as const

const reads = ['listRotationCredentials', 'listKeyRotations'] as const

/** What keys are made and ended with: stronger than any key, so it is sealed, and only the drivers see it. */
export const Credentials = () => {
  const credentials = useRead('listRotationCredentials', {})
  const drivers = useRead('listRotationDrivers', {})
  const [editing, setEditing] = useState<{ of: RotationCredential | null } | null>(null)
  const [removing, setRemoving] = useState<RotationCredential | null>(null)
  const remove = useAct('removeRotationCredential', [...reads])
  const usable = drivers.data?.items.filter(({ fields }) => fields.length > 0) ?? []
  const driverOf = (id: string) => drivers.data?.items.find((driver) => driver.id === id)
  return (
    <Panel
      flush
      title="Credentials for rotation"
      description="With them the gateway makes and ends keys at a service. Secrets are sealed by the vault and never shown again."
      actions={
        <Button
          size="compact-sm"
          leftSection={<IconPlus size={14} />}
          disabled={usable.length === 0}
          onClick={() => setEditing({ of: null })}
        >
          Set credential
        </Button>
      }
    >
      <Loaded of={credentials} skeleton={<Block height={220} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No credential yet">
              Without one, keys are rotated the assisted way: a person makes the new key and pastes it.
            </EmptyState>
          ) : (
            <ul className={classes.queue}>
              {items.map((each) => (
                <Credential
                  key={each.id}
                  of={each}
                  driver={driverOf(each.driverId)}
                  onReplace={() => setEditing({ of: each })}
                  onRemove={() => setRemoving(each)}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      {editing && <CredentialDialog drivers={usable} before={editing.of} onClose={() => setEditing(null)} />}
      {removing && (
        <ConfirmDialog
          opened
          title="Remove this credential?"
          submit="Remove"
          word="remove"
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() =>
            remove.mutate(
              { params: { id: removing.id } },
              {
                onSuccess: () => {
                  tellDone('The credential is destroyed.')
                  setRemoving(null)
                },
              },
            )
          }
          onClose={() => {
            remove.reset()
            setRemoving(null)
          }}
        >
          <p>
            Keys that rotate by it are rotated by hand from then on. It stays valid at the service until you
            delete it there.
          </p>
        </ConfirmDialog>
      )}
    </Panel>
  )
}

const Credential = (props: {
  of: RotationCredential
  driver: RotationDriverOnWire | undefined
  onReplace: () => void
  onRemove: () => void
}) => {
  const { of } = props
  const check = useAct('checkRotationCredential', [...reads])
  const keys = useRead('listKeyRotations', {})
  const key = keys.data?.items.find((each) => each.key.id === of.serviceKeyId)?.key
  const status = statuses[of.status]
  const driver = props.driver?.name ?? of.driverId
  const labelOf = (id: string) => props.driver?.fields.find((field) => field.id === id)?.label ?? id
  const shown = [
    ...Object.entries(of.fields).map(([id, text]) => ({ id, text })),
    ...Object.entries(of.secrets).map(([id, lastFour]) => ({ id, text: `•••• ${lastFour}` })),
  ]
  return (
    <li aria-label={`Credential of ${driver}`}>
      <div className={classes.queueHead}>
        <span className={classes.stack}>
          <span className={classes.name}>
            <ServiceName id={of.serviceId} />
            {key && `, only “${key.label}”`}
          </span>
          <span className={classes.quiet}>{driver}</span>
        </span>
        <span className={classes.inline}>
          <Mark tone={status.tone}>{status.text}</Mark>
          <span className={classes.quiet}>
            checked <Ago at={of.checkedAt} />
          </span>
        </span>
      </div>
      <p className={classes.inline}>
        {shown.map(({ id, text }) => (
          <span key={id} className={classes.quiet}>
            {labelOf(id)} <code className={classes.wide}>{text}</code>
          </span>
        ))}
      </p>
      {of.findings.length > 0 && <Findings of={of.findings} />}
      <div className={classes.buttons}>
        <Button
          size="compact-sm"
          variant="default"
          loading={check.isPending}
          onClick={() => check.mutate({ params: { id: of.id } }, { onError: tellFault })}
        >
          Check again
        </Button>
        <Button size="compact-sm" variant="default" onClick={props.onReplace}>
          Change
        </Button>
        <Button size="compact-sm" variant="default" color="red" onClick={props.onRemove}>
          Remove
        </Button>
      </div>
    </li>
  )
}
