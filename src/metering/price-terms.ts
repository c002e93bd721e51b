import { type Matchable, mostSpecificLast, type PriceOverride } from './price-overrides.ts'

/** Who set it and why; as it is shown beside the price. */
export interface SetBy {
  readonly reason: string
  readonly changedBy: string | null
  readonly changedAt: Date
}

export interface OwnPrice extends PriceOverride, SetBy {}

/** What is charged for a service, or for models of it, in place of the installation's own markup. */
export interface Markup {
  readonly serviceId: string
  /** A model's name, where `*` stands for any text; null: all of the service. */
  readonly model: string | null
  /** 10000: at cost. */
  readonly chargeBasisPoints: bigint
}

/** What a version of the price book has beside its models. */
export interface PriceTerms {
  readonly nanoUsdPerCredit: bigint
  readonly chargeBasisPoints: bigint
  readonly overrides: readonly OwnPrice[]
  readonly markups: readonly (Markup & SetBy)[]
}

type PriceName = Pick<PriceOverride, 'serviceId' | 'model' | 'unit'>
interface MarkupName {
  /** Null: the installation's own. */
  readonly serviceId: string | null
  readonly model: string | null
}

export type PriceEdit =
  | ({ readonly kind: 'set_price' } & PriceOverride)
  | ({ readonly kind: 'remove_price' } & PriceName)
  | ({ readonly kind: 'set_markup'; readonly chargeBasisPoints: bigint } & MarkupName)
  | ({ readonly kind: 'remove_markup' } & MarkupName)
  | { readonly kind: 'set_credit_worth'; readonly nanoUsdPerCredit: bigint }

/** At cost: where nothing else is set. */
export const atCost = 10_000n

/** Edits name models as their price lists do. */
export const normalized = (edit: PriceEdit): PriceEdit =>
  'model' in edit && edit.model !== null ? { ...edit, model: edit.model.trim().toLowerCase() } : edit

/** The terms after edits, the last of which counts where two say something of the same. */
export const withEdits = (terms: PriceTerms, edits: readonly PriceEdit[], by: SetBy): PriceTerms =>
  edits.reduce((before, edit) => withEdit(before, edit, by), terms)

const withEdit = (terms: PriceTerms, edit: PriceEdit, by: SetBy): PriceTerms => {
  switch (edit.kind) {
    case 'set_credit_worth':
      return { ...terms, nanoUsdPerCredit: edit.nanoUsdPerCredit }
    case 'set_price': {
      const { serviceId, model, unit, nanoUsd, per } = edit
      const price = { serviceId, model, unit, nanoUsd, per, ...by }
      return { ...terms, overrides: [...without(terms.overrides, edit), price].toSorted(byPriceName) }
    }
    case 'remove_price':
      return { ...terms, overrides: without(terms.overrides, edit) }
    case 'set_markup':
    case 'remove_markup':
      return withMarkup(terms, edit, by)
  }
}

const withMarkup = (
  terms: PriceTerms,
  edit: Extract<PriceEdit, { kind: 'set_markup' | 'remove_markup' }>,
  by: SetBy,
): PriceTerms => {
  const { serviceId, model } = edit
  const chargeBasisPoints = edit.kind === 'set_markup' ? edit.chargeBasisPoints : null
  if (serviceId === null) return { ...terms, chargeBasisPoints: chargeBasisPoints ?? atCost }
  const others = terms.markups.filter((other) => other.serviceId !== serviceId || other.model !== model)
  if (chargeBasisPoints === null) return { ...terms, markups: others }
  return {
    ...terms,
    markups: [...others, { serviceId, model, chargeBasisPoints, ...by }].toSorted(byMarkupName),
  }
}

const without = (overrides: readonly OwnPrice[], which: PriceName): OwnPrice[] =>
  overrides.filter(
    ({ serviceId, model, unit }) =>
      serviceId !== which.serviceId || model !== which.model || unit !== which.unit,
  )

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
const byPriceName = (a: PriceName, b: PriceName): number =>
  compare(a.serviceId, b.serviceId) || compare(a.model, b.model) || compare(a.unit, b.unit)
const byMarkupName = (a: Markup, b: Markup): number =>
  compare(a.serviceId, b.serviceId) || compare(a.model ?? '', b.model ?? '')

/** The markup that holds for a model, by all its names; undefined: the installation's. */
export const markupFor = (markups: readonly Markup[], names: readonly string[]): bigint | undefined => {
  if (markups.length === 0) return undefined
  const matchable = markups.map((markup): Markup & Matchable => ({ ...markup, model: markup.model ?? '*' }))
  return mostSpecificLast(matchable, names).at(-1)?.chargeBasisPoints
}
