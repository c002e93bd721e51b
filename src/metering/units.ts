import type { TokenClass, Units } from './usage.ts'

/** The part of a unit's name that says what is counted; variants follow it: `image` of `image:1024x1024:hd`. */
export const familyOf = (unit: string): string => {
  const colon = unit.indexOf(':')
  return colon === -1 ? unit : unit.slice(0, colon)
}

/** From the whole name to its family: where the longer one has no price, the shorter one's holds. */
export const namesOf = (unit: string): string[] => {
  const names = [unit]
  for (let at = unit.lastIndexOf(':'); at !== -1; at = unit.lastIndexOf(':', at - 1)) {
    names.push(unit.slice(0, at))
    if (at === 0) break
  }
  return names
}

/**
 * Tokens that are no text cost as text does where the service names no other price: its totals include them, and what
 * is not told apart there is charged at the general rate (gpt-image-1 lists its output images as output tokens).
 */
export const classOfUnit: Readonly<Record<string, TokenClass>> = {
  input_audio_tokens: 'input',
  input_image_tokens: 'input',
  input_video_tokens: 'input',
  cache_read_audio_tokens: 'cacheRead',
  cache_read_image_tokens: 'cacheRead',
  output_audio_tokens: 'output',
  output_image_tokens: 'output',
  output_video_tokens: 'output',
}

export const uncachedUnits: Readonly<Record<string, string>> = {
  cache_read_audio_tokens: 'input_audio_tokens',
  cache_read_image_tokens: 'input_image_tokens',
}

const inputUnits = Object.keys(classOfUnit).filter((unit) => !unit.startsWith('output_'))

/** Tokens of the prompt that are counted as units: they decide the price tier together with the text. */
export const inputUnitTokens = (units: Units | undefined): number =>
  units === undefined ? 0 : inputUnits.reduce((sum, unit) => sum + (units[unit] ?? 0), 0)

/**
 * Measures of the same thing, of which a model charges by one. Where a service does not say what it counted, an estimate
 * has all of them, and the first that has a price is charged.
 */
const alternatives: readonly (readonly string[])[] = [
  ['image', 'output_image_tokens', 'input_image_tokens'],
  ['audio_seconds', 'input_audio_tokens'],
  ['characters', 'output_audio_tokens'],
]

/** Rerankers charge by the search or by the tokens that they read. */
export const isCoveredByText = (unit: string): boolean => familyOf(unit) === 'search_units'

const alternativesOf = (unit: string) => alternatives.find((group) => group.includes(familyOf(unit)))

/** Whether another measure of the same thing counts instead of this one, by whether a unit has a price of its own. */
export const isReplaced = (unit: string, units: Units, hasPrice: (unit: string) => boolean): boolean => {
  const group = alternativesOf(unit)
  const counts = group?.[0]
  // Both kinds of image tokens are charged side by side, so only the first measure of a group replaces others.
  if (counts === undefined || familyOf(unit) === counts) return false
  return Object.keys(units).some((other) => familyOf(other) === counts && hasPrice(other))
}

/** Whether a unit may go without a price because another measure of the same thing has one. */
export const isCovered = (unit: string, units: Units, hasPrice: (unit: string) => boolean): boolean => {
  const group = alternativesOf(unit)
  return (
    group !== undefined &&
    Object.keys(units).some((other) => other !== unit && group.includes(familyOf(other)) && hasPrice(other))
  )
}
