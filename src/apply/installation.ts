import { z } from 'zod'
import { modelGroup } from '../contract/groups.ts'
import { hygieneSettings } from '../contract/key-hygiene.ts'
import type { HygieneSettings } from '../keys/hygiene.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { ModelGroup } from '../routing/group.ts'
import type { ListedGroup } from '../routing/groups.ts'
import { asWritten } from './as-written.ts'
import { byText, list } from './exporting.ts'
import type { Performance } from './perform.ts'
import { differences, settings, type Step, step } from './step.ts'

/** What holds for everybody, in a document: model groups, and what is looked after of keys. */

const { id, label, task, models, ...others } = modelGroup.shape
const group = { id, label, task, models, ...z.object(others).partial().shape }

/** Of one that comes with the product and was taken away only that is said. */
export const modelGroupSchema = z
  .strictObject({
    ...z.object(group).partial().shape,
    id,
    removed: z.literal(true, 'A group is removed, or it is described.').optional(),
  })
  .superRefine((one, context) => {
    if (!one.removed)
      for (const issue of z.object(group).safeParse(one).error?.issues ?? []) context.addIssue({ ...issue })
  })
type DocumentGroup = z.output<typeof modelGroupSchema>

export const keyHygieneSchema = asWritten(hygieneSettings)

export type InstallationAction =
  | { readonly kind: 'save_group'; readonly group: ModelGroup; readonly isNew: boolean }
  | { readonly kind: 'remove_group'; readonly id: string }
  | { readonly kind: 'set_key_hygiene'; readonly settings: HygieneSettings }

const shown = ({ label, description, task, models, ...waits }: ModelGroup) => ({
  label,
  description,
  task,
  // The first that can serve a call does.
  models: models.join(' > '),
  attemptTimeoutSeconds: waits.attemptTimeoutSeconds ?? null,
  hedgeAfterSeconds: waits.hedgeAfterSeconds ?? null,
})

const blank: Omit<ModelGroup, 'id'> = { label: '', description: '', task: 'chat', models: [] }

export const planModelGroups = (wanted: readonly DocumentGroup[], stored: readonly ListedGroup[]): Step[] =>
  wanted.map(({ removed, ...said }) => {
    const before = stored.find((one) => one.id === said.id && one.origin !== 'removed')
    const subject = `model group ${said.id}`
    if (removed) return step(subject, false, before ? ['removed'] : [], { kind: 'remove_group', id: said.id })
    const next: ModelGroup = { ...blank, ...before, ...said }
    return step(subject, !before, before ? differences(shown(before), shown(next)) : settings(shown(next)), {
      kind: 'save_group',
      group: next,
      isNew: !before,
    })
  })

export const planKeyHygiene = (
  wanted: Partial<HygieneSettings> | undefined,
  stored: HygieneSettings,
): Step[] =>
  wanted === undefined
    ? []
    : [
        step('installation: key hygiene', false, differences(stored, wanted), {
          kind: 'set_key_hygiene',
          settings: { ...stored, ...wanted },
        }),
      ]

export const performInstallation = async (
  action: InstallationAction,
  { rooms: { catalogue, serviceKeys }, actor }: Performance,
): Promise<Outcome<unknown>> => {
  switch (action.kind) {
    case 'save_group':
      return action.isNew
        ? catalogue.groups.create(actor, action.group)
        : catalogue.groups.change(actor, action.group.id, action.group)
    case 'remove_group':
      return catalogue.groups.remove(actor, action.id)
    case 'set_key_hygiene':
      return success(await serviceKeys.hygiene.changeSettings(actor, action.settings))
  }
}

/** Those that are as they were shipped come with the product. */
export const modelGroupsIn = (stored: readonly ListedGroup[]) =>
  list(
    'modelGroups',
    stored
      .filter(({ origin }) => origin !== 'shipped')
      .toSorted((a, b) => byText(a.id, b.id))
      .map(({ origin, ...one }) => (origin === 'removed' ? { id: one.id, removed: true } : one)),
  )
