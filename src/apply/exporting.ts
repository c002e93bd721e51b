import type { Snapshot } from './snapshot.ts'

export interface Exporting {
  readonly stored: Snapshot
  readonly variables: { add(words: string, lastFour: string, of: string): string }
  /** What a document cannot say: for a person. */
  readonly leftOut: string[]
}

/** A document knows things by their names: of two that share one, it can say the first. */
export const uniquely = <Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  { leftOut }: Exporting,
): Item[] => {
  const names = items.map((item) => nameOf(item).toLowerCase())
  return items.filter((item, index) => {
    if (names.indexOf(names[index] ?? '') === index) return true
    leftOut.push(`${nameOf(item)}: a document knows it by its name, and there are two.`)
    return false
  })
}

export const some = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value }
export const list = <Name extends string, Item>(name: Name, items: readonly Item[]) =>
  (items.length === 0 ? {} : { [name]: items }) as { readonly [N in Name]?: readonly Item[] }
export const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** Nano-dollars in dollars, exactly. */
export const dollarText = (nano: bigint): string => {
  const digits = String(nano).padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '')
  return digits.slice(0, -9) + (fraction && `.${fraction}`)
}
