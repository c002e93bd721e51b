/** Amounts of people's money: whole smallest units in text, so that nothing is ever a floating-point number. */

const formats = new Map<string, Intl.NumberFormat>()

const formatOf = (currency: string): Intl.NumberFormat => {
  const known = formats.get(currency)
  if (known) return known
  const made = new Intl.NumberFormat('en', { style: 'currency', currency })
  formats.set(currency, made)
  return made
}

/** Two for most; none for yen, three for dinars. */
export const placesOf = (currency: string): number =>
  formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2

const decimal = (minor: bigint, places: number): string => {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  return places === 0 ? whole : `${whole}.${digits.slice(-places)}`
}

/** `2900` cents → `$29.00`; a minus sign where it is below zero. */
export const money = (minor: string | bigint, currency: string): string => {
  const value = BigInt(minor)
  // Intl reads decimal text exactly, whatever its length.
  const text = formatOf(currency).format(decimal(value, placesOf(currency)) as Intl.StringNumericLiteral)
  return value < 0n ? `−${text}` : text
}

/** With its sign, for differences: `+$9.00`, `−$9.00`, `$0.00`. */
export const signedMoney = (minor: string | bigint, currency: string): string =>
  `${BigInt(minor) > 0n ? '+' : ''}${money(minor, currency)}`

/** What a person may type into a field and get back: `29.00`. */
export const moneyText = (minor: string | bigint, currency: string): string =>
  `${BigInt(minor) < 0n ? '-' : ''}${decimal(BigInt(minor), placesOf(currency))}`

/** `29`, `29.5` or `29.00` → `2900`; null: not an amount of this currency. */
export const parseMoney = (text: string, currency: string): string | null => {
  const places = placesOf(currency)
  const match = /^(\d{1,15})(?:\.(\d+))?$/.exec(text.trim().replaceAll(',', ''))
  const fraction = match?.[2] ?? ''
  if (!match || fraction.length > places) return null
  return BigInt(`${match[1]}${fraction.padEnd(places, '0')}`).toString()
}

/** `1.5` credits → `1500000` micro-credits; null: not a number of credits. */
export const parseCredits = (text: string): string | null => {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text.trim().replaceAll(',', ''))
  return match ? BigInt(`${match[1]}${(match[2] ?? '').padEnd(6, '0')}`).toString() : null
}
