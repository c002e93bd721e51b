import { Button, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type AdminGroup, groupId, type ModelGroup } from '../../src/contract/groups.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { AddModel } from './add-model.tsx'
import { GroupModels } from './group-models.tsx'
import { groupIdFrom } from './group-order.ts'
import { taskChoices } from './group-words.ts'
import classes from './groups.module.css'

const emptyGroup: ModelGroup = { id: '', label: '', description: '', task: 'chat', models: [] }

/** Creates a group (`group` is null) or changes one, whose name stays. */
export const GroupForm = (props: {
  group: AdminGroup | null
  busy: boolean
  error: unknown
  onSave: (group: ModelGroup) => void
  onCancel: () => void
}) => {
  const before = (props.group ?? emptyGroup) as ModelGroup
  const [draft, setDraft] = useState<ModelGroup>(before)
  const [ownId, setOwnId] = useState<string | null>(null)
  const set = (changes: Partial<ModelGroup>) => setDraft({ ...draft, ...changes })
  const id = props.group?.id ?? ownId ?? groupIdFrom(draft.label)
  const idIsWrong = id !== '' && !groupId.safeParse(id).success
  const isComplete = draft.label.trim() !== '' && id !== '' && !idIsWrong && draft.models.length > 0
  const isChanged = JSON.stringify(draft) !== JSON.stringify(before)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    props.onSave({ ...draft, id, label: draft.label.trim(), description: draft.description.trim() })
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <div className={classes.pair}>
        <TextInput
          label="Name"
          maxLength={80}
          data-autofocus={props.group === null || undefined}
          value={draft.label}
          onChange={(event) => set({ label: event.currentTarget.value })}
        />
        {props.group === null ? (
          <TextInput
            label="Asked for as"
            leftSection={<span className={classes.prefix}>group/</span>}
            leftSectionWidth={58}
            maxLength={40}
            value={id}
            error={idIsWrong && 'Lower-case letters, digits and hyphens, at least two.'}
            onChange={(event) => setOwnId(event.currentTarget.value)}
          />
        ) : (
          <NativeSelect
            label="For"
            value={draft.task}
            data={taskChoices}
            onChange={(event) => set({ task: event.currentTarget.value as ModelGroup['task'] })}
          />
        )}
      </div>
      {props.group === null && (
        <NativeSelect
          label="For"
          value={draft.task}
          data={taskChoices}
          onChange={(event) => set({ task: event.currentTarget.value as ModelGroup['task'] })}
        />
      )}
      <Textarea
        label="Description"
        maxLength={400}
        rows={2}
        value={draft.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <section className={classes.models} aria-label="Models">
        <h3 className={classes.title}>Models, best first</h3>
        <p className={classes.quiet}>
          Own keys come first, then what costs the fewest credits; among equals this order decides.
        </p>
        <GroupModels
          models={draft.models}
          offers={props.group?.offers ?? []}
          onChange={(models) => set({ models: [...models] })}
        />
        <AddModel
          task={draft.task}
          listed={draft.models}
          onAdd={(model) => set({ models: [...draft.models, model] })}
        />
      </section>
      <div className={classes.pair}>
        <SecondsField
          label="Give an attempt up after"
          description="When it has not begun to answer."
          value={draft.attemptTimeoutSeconds}
          onChange={(seconds) => set({ attemptTimeoutSeconds: seconds })}
        />
        <SecondsField
          label="Start the next one beside it after"
          description="The first answer counts; both may cost."
          value={draft.hedgeAfterSeconds}
          onChange={(seconds) => set({ hedgeAfterSeconds: seconds })}
        />
      </div>
      {props.error ? <FaultNotice error={props.error} /> : null}
      <div className={classes.buttons}>
        <Button variant="default" onClick={props.onCancel}>
          Close
        </Button>
        <Button type="submit" loading={props.busy} disabled={!isComplete || !isChanged}>
          {props.group === null ? 'Create group' : 'Save group'}
        </Button>
      </div>
    </form>
  )
}

const SecondsField = (props: {
  label: string
  description: string
  value: number | null | undefined
  onChange: (seconds: number | null) => void
}) => (
  <NumberInput
    label={props.label}
    description={props.description}
    placeholder="never"
    suffix=" s"
    min={1}
    max={600}
    allowDecimal={false}
    hideControls
    value={props.value ?? ''}
    onChange={(value) => props.onChange(typeof value === 'number' ? value : null)}
  />
)
