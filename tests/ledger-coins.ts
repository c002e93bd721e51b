/**
 * A ledger that is too simple to be wrong: every micro-credit is a coin of its own that lies somewhere, and each command
 * moves coins one by one. It shares no code or idea with the product.
 */
export interface ModelGrant {
  readonly id: string
  readonly priority: number
  readonly effectiveAt: number
  readonly expiresAt: number
  readonly createdAt: number
}

interface Coin {
  readonly grant: ModelGrant
  /** `available`, `spent`, `expired`, `reversed`, or the operation that holds it. */
  place: string
}

/** One transaction of the statement. */
interface ModelLine {
  readonly kind: string
  readonly availableMicros: bigint
}

export const monthStart = (month: number): number => Date.UTC(2026, month, 15, 8)

const isBefore = (a: ModelGrant, b: ModelGrant): boolean => {
  if (a.priority !== b.priority) return a.priority < b.priority
  if (a.expiresAt !== b.expiresAt) return a.expiresAt < b.expiresAt
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt
  return a.id < b.id
}

export const makeModel = () => {
  const coins: Coin[] = []
  const holds = new Map<string, Coin[]>()
  /** What an operation burnt and has not back, in order, and how much of its charge is not refunded. */
  const charges = new Map<string, { burnt: Coin[]; left: number }>()
  /** What was given of each grant and not reversed. */
  const issued = new Map<string, number>()
  const lines: ModelLine[] = []
  let debt = 0
  let spent = 0
  let allocatedMonth = -1

  const isUsable = (coin: Coin, now: number) =>
    coin.place === 'available' && coin.grant.effectiveAt <= now && now < coin.grant.expiresAt

  const note = (kind: string) => {
    const available = coins.filter((coin) => coin.place === 'available').length
    lines.push({ kind, availableMicros: BigInt(available) })
  }

  const nextCoin = (now: number): Coin | undefined => {
    let best: Coin | undefined
    for (const coin of coins)
      if (isUsable(coin, now) && (!best || isBefore(coin.grant, best.grant))) best = coin
    return best
  }

  const payDebt = (now: number) => {
    const before = debt
    for (let coin = nextCoin(now); debt > 0 && coin; coin = nextCoin(now)) {
      coin.place = 'spent'
      debt--
    }
    if (debt < before) note('debt_payment')
  }

  const grant = (given: ModelGrant, amount: number, now: number) => {
    for (let i = 0; i < amount; i++) coins.push({ grant: given, place: 'available' })
    issued.set(given.id, amount)
    note('grant')
    payDebt(now)
  }

  return {
    grant,
    hold(id: string, minimum: number, maximum: number, now: number): number | null {
      payDebt(now)
      const available = coins.filter((coin) => isUsable(coin, now)).length
      if (available < minimum) return null
      const taken: Coin[] = []
      for (let coin = nextCoin(now); coin && taken.length < maximum; coin = nextCoin(now)) {
        coin.place = id
        taken.push(coin)
      }
      holds.set(id, taken)
      note('hold')
      return taken.length
    },
    settle(id: string, charge: number, now: number) {
      const taken = holds.get(id) ?? []
      holds.delete(id)
      const burnt = taken.slice(0, charge)
      // What lies above the hold is taken while the hold is still away.
      for (let above = charge - taken.length; above > 0; above--) {
        const coin = nextCoin(now)
        if (coin) {
          coin.place = 'spent'
          burnt.push(coin)
        } else debt++
      }
      for (const [index, coin] of taken.entries())
        coin.place = index < charge ? 'spent' : now < coin.grant.expiresAt ? 'available' : 'expired'
      spent += charge
      if (charge > 0) charges.set(id, { burnt, left: charge })
      note(charge > 0 ? 'settle' : 'release')
      payDebt(now)
    },
    /** Gives what was reversed, and what of it is owed. */
    reverse(grantId: string, wanted: number, now: number): { amount: number; owed: number } {
      const amount = Math.min(wanted, issued.get(grantId) ?? 0)
      issued.set(grantId, (issued.get(grantId) ?? 0) - amount)
      let missing = amount
      for (const place of ['available', 'expired'])
        for (const coin of coins)
          if (missing > 0 && coin.grant.id === grantId && coin.place === place) {
            coin.place = 'reversed'
            missing--
          }
      debt += missing
      if (amount > 0) {
        note('reversal')
        payDebt(now)
      }
      return { amount, owed: missing }
    },
    /** A re-rating at a higher price. */
    charge(id: string, amount: number, now: number) {
      payDebt(now)
      const charge = charges.get(id) ?? { burnt: [], left: 0 }
      for (let i = 0; i < amount; i++) {
        const coin = nextCoin(now)
        if (coin) {
          coin.place = 'spent'
          charge.burnt.push(coin)
        } else debt++
      }
      charge.left += amount
      spent += amount
      note('charge')
    },
    /** Gives what was refunded, and how much of it has to be a new grant. */
    refund(id: string, wanted: number, now: number): { amount: number; anew: number } {
      const charge = charges.get(id) ?? { burnt: [], left: 0 }
      const amount = Math.min(wanted, charge.left)
      charge.left -= amount
      spent -= amount
      let anew = 0
      for (let i = 0; i < amount; i++) {
        if (debt > 0) {
          debt--
          continue
        }
        const coin = charge.burnt.pop()
        if (!coin) anew++
        else coin.place = now < coin.grant.expiresAt ? 'available' : 'expired'
      }
      if (amount > 0) {
        note('refund')
        payDebt(now)
      }
      return { amount, anew }
    },
    expire(now: number) {
      let some = false
      for (const coin of coins)
        if (coin.place === 'available' && coin.grant.expiresAt <= now) {
          coin.place = 'expired'
          some = true
        }
      if (some) note('expire')
    },
    /** Month of the subscription if its allocation is due. */
    monthDue(now: number): number | null {
      let month = 0
      while (monthStart(month + 1) <= now) month++
      if (month <= allocatedMonth || now < monthStart(0)) return null
      allocatedMonth = month
      return month
    },
    balance(now: number) {
      const held = coins.filter((coin) => holds.has(coin.place)).length
      const grants = new Map<string, number>()
      for (const coin of coins)
        if (coin.place === 'available' && now < coin.grant.expiresAt)
          grants.set(coin.grant.id, (grants.get(coin.grant.id) ?? 0) + 1)
      return {
        availableMicros: BigInt(coins.filter((coin) => isUsable(coin, now)).length),
        heldMicros: BigInt(held),
        debtMicros: BigInt(debt),
        expiredMicros: BigInt(coins.filter((coin) => coin.place === 'expired').length),
        spentMicros: BigInt(spent),
        grants: Object.fromEntries([...grants].map(([id, count]) => [id, BigInt(count)])),
      }
    },
    /** What of these grants was neither spent nor taken back, whether it has expired or not. */
    restOf: (grants: readonly ModelGrant[]): number =>
      coins.filter(
        ({ grant: of, place }) => grants.includes(of) && (place === 'available' || place === 'expired'),
      ).length,
    grantOf: (id: string): ModelGrant => {
      const grant = coins.find((coin) => coin.grant.id === id)?.grant
      if (!grant) throw new Error('no such grant')
      return grant
    },
    /** What expires one after the other is one line. */
    statement: () =>
      lines.filter(({ kind }, index) => kind !== 'expire' || lines[index + 1]?.kind !== 'expire'),
    openHolds: () => [...holds.keys()],
    charged: () => [...charges.keys()],
    grants: () => [...issued.keys()],
  }
}
