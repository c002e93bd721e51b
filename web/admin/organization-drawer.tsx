import { Button, Checkbox, Drawer, NativeSelect, Radio, Switch } from '@mantine/core'
import { useState } from 'react'
import type { AdminOrganization } from '../../src/contract/administration.ts'
import type { ControlPolicy, Fallback } from '../../src/contract/wire.ts'
import { useAct, useRead } from '../data/queries.ts'
import { counted } from '../ui/format.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { choices } from '../policy/fallbacks.ts'
import classes from './organizations.module.css'
import { policies } from '../policy/policies.ts'

export const OrganizationDrawer = (props: {
  organization: AdminOrganization | undefined
  onClose: () => void
}) => (
  <Drawer
    opened={props.organization !== undefined}
    onClose={props.onClose}
    title={props.organization?.name ?? 'Organisation'}
    size={520}
  >
    {props.organization && (
      <PolicyForm key={props.organization.id} organization={props.organization} onClose={props.onClose} />
    )}
  </Drawer>
)

interface Draft {
  readonly controlPolicy: ControlPolicy
  readonly criticalServices: readonly string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
}

const draftOf = (organization: AdminOrganization): Draft => ({
  controlPolicy: organization.controlPolicy,
  criticalServices: organization.criticalServices,
  systemKeysAllowed: organization.systemKeysAllowed,
  lockedFallback: organization.lockedFallback,
})

const PolicyForm = ({ organization, onClose }: { organization: AdminOrganization; onClose: () => void }) => {
  const before = draftOf(organization)
  const [draft, setDraft] = useState(before)
  const change = useAct('changeOrganization', ['listOrganizations', 'readMe', 'listServices'])
  const set = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes })
  const send = (to: Draft) =>
    change.mutateAsync({
      params: { id: organization.id },
      body: { ...to, criticalServices: [...to.criticalServices] },
    })
  const save = () =>
    void send(draft).then(
      () => {
        tellDone(`The policy of ${organization.name} is saved.`, () => send(before))
        onClose()
      },
      // Shown in the form.
      () => undefined,
    )
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <Radio.Group
        label="Control policy"
        value={draft.controlPolicy}
        onChange={(value) => set({ controlPolicy: value })}
      >
        <div className={classes.choices}>
          {policies.map((policy) => (
            <Radio
              key={policy.value}
              value={policy.value}
              label={policy.label}
              description={policy.consequence}
            />
          ))}
        </div>
      </Radio.Group>
      {draft.controlPolicy === 'hybrid' && (
        <CriticalServices
          chosen={draft.criticalServices}
          onChange={(criticalServices) => set({ criticalServices })}
        />
      )}
      <Switch
        label="Members may use system keys"
        description="Off: operations run on own and the organisation’s keys only, and never cost credits."
        checked={draft.systemKeysAllowed}
        onChange={(event) => set({ systemKeysAllowed: event.currentTarget.checked })}
      />
      <NativeSelect
        label="Fallback preference"
        description="Locked: every member has this one. Their own choice is kept for later."
        value={draft.lockedFallback ?? ''}
        data={[
          { value: '', label: 'Members choose' },
          ...choices.map(({ value, label }) => ({ value, label: `Locked: ${label}` })),
        ]}
        onChange={(event) => set({ lockedFallback: (event.currentTarget.value || null) as Fallback | null })}
      />
      <Consequence organization={organization} draft={draft} />
      {change.error && <FaultNotice error={change.error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          loading={change.isPending}
          disabled={JSON.stringify(draft) === JSON.stringify(before)}
        >
          Save policy
        </Button>
      </div>
    </form>
  )
}

const CriticalServices = (props: { chosen: readonly string[]; onChange: (chosen: string[]) => void }) => {
  const services = useRead('listAdminServices', {})
  return (
    <Checkbox.Group
      label="Critical services"
      description="Keys of these are managed by IT only."
      value={[...props.chosen]}
      onChange={(chosen) => props.onChange(chosen.toSorted())}
    >
      <div className={classes.checks}>
        {(services.data?.items ?? []).map((service) => (
          <Checkbox key={service.id} value={service.id} label={service.name} />
        ))}
      </div>
    </Checkbox.Group>
  )
}

/** What saving does to keys that exist, before it is done. */
const Consequence = ({ organization, draft }: { organization: AdminOrganization; draft: Draft }) => {
  const tightened =
    draft.controlPolicy !== organization.controlPolicy
      ? draft.controlPolicy !== 'user_control'
      : draft.criticalServices.some((service) => !organization.criticalServices.includes(service))
  if (tightened)
    return (
      <Notice tone="warning" title="Members’ keys that this forbids are suspended at once">
        Operations that start after saving use none of them. They come back when the policy allows them again.
      </Notice>
    )
  if (organization.suspendedKeyCount > 0 && draft.controlPolicy !== organization.controlPolicy)
    return (
      <Notice
        tone="info"
        title={`${counted(organization.suspendedKeyCount, 'suspended key')} may be used again`}
      >
        Those that the new policy allows are restored as they were.
      </Notice>
    )
  return null
}
