import type { PriceEdit } from '../../src/contract/price-book.ts'
import { priceText } from '../admin/price-words.ts'
import { unitName } from '../data/unit-words.ts'
import { exactUsd } from '../ui/format.ts'

/** Basis points of a markup: `at cost`, `20 % on top`, `5 % below cost`. */
export const markupText = (basisPoints: number): string => {
  if (basisPoints === 0) return 'at cost'
  const size = `${Number((Math.abs(basisPoints) / 100).toFixed(2))} %`
  return basisPoints > 0 ? `${size} on top` : `${size} below cost`
}

/** A change of a price: `+20 %`, `−5.5 %`. */
export const changeText = (basisPoints: number): string => {
  const size = Number((Math.abs(basisPoints) / 100).toFixed(2))
  return `${basisPoints < 0 ? '−' : '+'}${size} %`
}

/** `20`, `-5` or `12.5` percent → basis points; null: not a markup that can be. */
export const parseMarkup = (text: string): number | null => {
  const match = /^([-−]?)(\d{1,4})(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (!match) return null
  const size = Number(match[2]) * 100 + Number((match[3] ?? '').padEnd(2, '0'))
  const points = match[1] === '' ? size : -size
  return points >= -9_999 && points <= 990_000 ? points : null
}

interface MarkupName {
  readonly serviceId: string | null
  readonly model: string | null
}

/** Whose markup: `Everything`, `All of openai`, `openai/gpt-5*`. */
export const markupName = ({ serviceId, model }: MarkupName): string => {
  if (serviceId === null) return model === null ? 'Everything' : model
  return model === null ? `All of ${serviceId}` : `${serviceId}/${model}`
}

/** What an edit does, in a line. */
export const editText = (edit: PriceEdit): string => {
  switch (edit.kind) {
    case 'set_markup':
      return `${markupName(edit)}: ${markupText(edit.markupBasisPoints)}`
    case 'remove_markup':
      return `${markupName(edit)}: no markup of its own`
    case 'set_price':
      return `${edit.serviceId}/${edit.model}, ${unitName(edit.unit)}: ${priceText(edit)}`
    case 'remove_price':
      return `${edit.serviceId}/${edit.model}, ${unitName(edit.unit)}: the shipped price`
    case 'set_credit_worth':
      return `A credit is worth ${exactUsd(edit.nanoUsdPerCredit)}`
  }
}

/** Two edits of the same thing: the later one counts. */
export const editKey = (edit: PriceEdit): string => {
  switch (edit.kind) {
    case 'set_markup':
    case 'remove_markup':
      return `markup ${edit.serviceId ?? ''} ${edit.model ?? ''}`
    case 'set_price':
    case 'remove_price':
      return `price ${edit.serviceId} ${edit.model} ${edit.unit}`
    case 'set_credit_worth':
      return 'worth'
  }
}

export const withEdit = (edits: readonly PriceEdit[], edit: PriceEdit): PriceEdit[] => [
  ...edits.filter((other) => editKey(other) !== editKey(edit)),
  edit,
]
