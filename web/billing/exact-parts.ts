/** Micro-credits with all six places, parted behind the second: nothing is rounded. */
export const exactParts = (micros: string, signed = false): { shown: string; rest: string } => {
  const value = BigInt(micros)
  const digits = (value < 0n ? -value : value).toString().padStart(7, '0')
  const whole = digits.slice(0, -6).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  const sign = value < 0n ? '−' : signed && value > 0n ? '+' : ''
  return { shown: `${sign}${whole}.${digits.slice(-6, -4)}`, rest: digits.slice(-4) }
}
