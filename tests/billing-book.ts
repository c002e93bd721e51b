import { makeModel, type ModelGrant } from './ledger-coins.ts'

/**
 * Subscriptions, payments and invoices as somebody would keep them in a notebook: one user, everything in whole hours of
 * UTC, credits as coins. It shares no code or idea with the product; where the product counts milliseconds, this counts hours.
 */
export const hour = 3_600_000
const day = 24 * hour

export interface BookTier {
  readonly id: string
  readonly price: number
  readonly credits: number
  readonly keeps: number
}

interface BookPayment {
  readonly purpose: 'purchase' | 'tier_change' | 'renewal'
  readonly amount: number
  credits: number
  status: 'requested' | 'paid' | 'denied' | 'failed' | 'abandoned'
  refunded: number
  paidAt: number
  grants: string[]
  /** Of a renewal: what the period gave, from its payment on. */
  allocation: { readonly id: string; readonly amount: number } | null
  invoice: BookInvoice | null
  /** Of a change: the subscription it was reckoned for, and what it makes of it. */
  readonly terms: { readonly revision: number; readonly after: Subscription } | null
  readonly back: Back[]
}

/** Money that goes back, or is fought over. */
interface Back {
  readonly name: string
  kind: 'refund' | 'dispute'
  state: 'waiting' | 'asked' | 'open' | 'done' | 'void'
  readonly amount: number
  taken: number
  owed: number
}

interface BookInvoice {
  readonly kind: 'invoice' | 'credit_note'
  status: 'open' | 'paid' | 'void' | 'refunded'
  readonly total: number
  readonly discount: number
  readonly dueAt: number
}

interface Subscription {
  status: 'active' | 'paused' | 'past_due' | 'canceled'
  tier: BookTier
  paying: boolean
  anchor: number
  number: number
  from: number
  to: number
  discounted: boolean
  pending: BookTier | 'cancel' | null
  grace: number | null
}

export type BookChange =
  | { readonly kind: 'change_tier'; readonly tierId: string }
  | { readonly kind: 'cancel'; readonly when: 'now' | 'period_end' }
  | { readonly kind: 'undo_pending' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }

/** The day of the anchor in a month so many later, or that month's last. */
export const monthOf = (anchor: number, number: number): number => {
  const date = new Date(anchor)
  const first = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + number, 1)
  const following = new Date(first)
  following.setUTCMonth(following.getUTCMonth() + 1)
  const days = (following.getTime() - first) / day
  return first + (Math.min(date.getUTCDate(), days) - 1) * day + (anchor % day)
}

/** To the nearest; the half to the even one. By trying. */
const nearest = (numerator: number, denominator: number): number => {
  let below = 0
  while ((below + 1) * denominator <= numerator) below++
  const rest = numerator - below * denominator
  if (rest * 2 === denominator) return below % 2 === 0 ? below : below + 1
  return rest * 2 > denominator ? below + 1 : below
}
const ceil = (numerator: number, denominator: number): number => {
  let above = 0
  while (above * denominator < numerator) above++
  return above
}

/** `give` writes the next grant that the product has made, after comparing it. */
type Give = (grant: { amount: number; from: number; to: number }) => ModelGrant

export const openBook = (tiers: readonly BookTier[], start: number) => {
  const coins = makeModel()
  const free = tiers[0] as BookTier
  const payments: BookPayment[] = []
  const invoices: BookInvoice[] = []
  const keys: { from: number; until: number | null }[] = []
  const asked: { payment: BookPayment; back: Back }[] = []
  let revision = 0
  let subscription: Subscription = {
    status: 'active',
    tier: free,
    paying: false,
    anchor: start,
    number: 0,
    from: start,
    to: monthOf(start, 1),
    discounted: false,
    pending: null,
    grace: null,
  }
  /** Grants that end with a period. */
  const monthly: ModelGrant[] = []

  const write = (patch: Partial<Subscription>) => {
    subscription = { ...subscription, ...patch }
    revision++
  }

  const put = (
    give: Give,
    grant: { amount: number; from: number; to: number },
    now: number,
  ): string | null => {
    if (grant.amount === 0) return null
    const made = give(grant)
    coins.grant(made, grant.amount, now)
    return made.id
  }

  const unpaid = () =>
    payments.filter(({ purpose, status }) => purpose === 'renewal' && status === 'requested')

  /** A key in half of the hours of a period, and one at the instant at which it is looked at. */
  const earned = (from: number, to: number, at: number): boolean => {
    let hours = 0
    for (let then = from; then < Math.min(to, at); then += hour)
      if (keys.some((key) => key.from <= then && (key.until === null || then < key.until))) hours++
    const isThere = keys.some((key) => key.from < at && (key.until === null || key.until > at))
    return isThere && to > from && hours * hour * 2 >= to - from
  }

  const offOf = (price: number): number => nearest(price, 10)

  const note = (invoice: BookInvoice) => {
    invoices.push(invoice)
    return invoice
  }
  const pay = (payment: Pick<BookPayment, 'purpose' | 'amount' | 'credits' | 'terms'>): BookPayment => {
    const made: BookPayment = {
      ...payment,
      status: 'requested',
      refunded: 0,
      paidAt: 0,
      grants: [],
      allocation: null,
      invoice: null,
      back: [],
    }
    payments.push(made)
    return made
  }

  const giveUp = () => {
    for (const payment of unpaid()) {
      payment.status = 'failed'
      if (payment.invoice) payment.invoice.status = 'void'
    }
  }

  const beginPeriod = (give: Give, now: number) => {
    const before = subscription
    let number = before.number + 1
    while (monthOf(before.anchor, number + 1) <= now) number++
    const isNext = number === before.number + 1
    const from = isNext ? before.to : monthOf(before.anchor, number)
    const to = monthOf(before.anchor, number + 1)
    const ends = before.pending === 'cancel' || before.status === 'past_due'
    const tier = ends ? free : before.pending && before.pending !== 'cancel' ? before.pending : before.tier
    const discounted = earned(before.from, from, from)
    const cap = isNext && before.status !== 'past_due' ? before.tier.keeps : 0
    const kept = Math.min(cap, coins.restOf(monthly.filter((grant) => grant.expiresAt === before.to)))
    write({
      tier,
      status: ends ? 'canceled' : before.status,
      pending: null,
      grace: null,
      number,
      from,
      to,
      discounted,
    })
    let allocation: BookPayment['allocation'] = null
    for (const amount of [kept, tier.credits]) {
      const id = put(give, { amount, from, to }, now)
      allocation = id === null ? null : { id, amount }
      if (id !== null) monthly.push(coins.grantOf(id))
    }
    if (!subscription.paying || tier.price === 0) return
    const discount = discounted ? offOf(tier.price) : 0
    const payment = pay({ purpose: 'renewal', amount: tier.price - discount, credits: 0, terms: null })
    payment.allocation = allocation
    const dueAt = now + 14 * day
    payment.invoice = note({ kind: 'invoice', status: 'open', total: tier.price - discount, discount, dueAt })
  }

  const upkeep = (give: Give, now: number) => {
    if (subscription.status !== 'paused' && subscription.to <= now) {
      if (subscription.status === 'past_due') giveUp()
      beginPeriod(give, now)
    }
    if (subscription.status === 'active' && unpaid().some(({ invoice }) => (invoice?.dueAt ?? now) <= now))
      write({ status: 'past_due', grace: now + 7 * day })
    if (subscription.status === 'past_due' && (subscription.grace ?? now) <= now) {
      write({ status: 'canceled', tier: free, pending: null, grace: null })
      giveUp()
    }
    sendRefunds(now)
  }

  /** What the price of a change is; null: it is refused. */
  const change = (wanted: BookChange, give: Give, now: number): 'done' | 'to_pay' | null => {
    const { status, tier, pending, to } = subscription
    switch (wanted.kind) {
      case 'undo_pending':
        if (pending === null) return null
        write({ pending: null })
        return 'done'
      case 'pause':
        if (status !== 'active' || unpaid().length > 0) return null
        write({ status: 'paused' })
        return 'done'
      case 'resume':
        if (status !== 'paused') return null
        if (now < to) {
          write({ status: 'active' })
          return 'done'
        }
        write({ status: 'active', anchor: now, number: -1, from: now, to: now })
        beginPeriod(give, now)
        return 'done'
      case 'cancel':
        if (status === 'canceled' || tier.price === 0) return null
        if (wanted.when === 'now') {
          write({ status: 'canceled', tier: free, pending: null, grace: null })
          return 'done'
        }
        if (status === 'paused' || pending === 'cancel') return null
        write({ pending: 'cancel' })
        return 'done'
      case 'change_tier':
        return changeTier(tiers.find(({ id }) => id === wanted.tierId) as BookTier, now)
    }
  }

  const changeTier = (wanted: BookTier, now: number): 'done' | 'to_pay' | null => {
    const { status, tier, from, to } = subscription
    if (status === 'paused' || status === 'past_due' || wanted === tier) return null
    if (status === 'canceled' && unpaid().length > 0) return null
    if (wanted.price < tier.price) {
      write({ pending: wanted })
      return 'done'
    }
    if (now >= to) return null
    // A clock that went back leaves no more than the whole period.
    const left = Math.min(to - now, to - from) / hour
    const hours = (to - from) / hour
    const price = Math.max(1, nearest((wanted.price - tier.price) * left, hours))
    const credits = Math.floor(((wanted.credits - tier.credits) * left) / hours)
    const discount = subscription.discounted ? offOf(price) : 0
    const after: Subscription = {
      ...subscription,
      tier: wanted,
      status: 'active',
      pending: null,
      paying: true,
    }
    pay({ purpose: 'tier_change', amount: price - discount, credits, terms: { revision, after } })
    return 'to_pay'
  }

  /** What a payment comes to; false: it is refused. `isTaken`: a provider has the money already. */
  const paid = (payment: BookPayment, give: Give, now: number, isTaken: boolean): boolean => {
    if (payment.status === 'paid') return true
    const { terms, amount, purpose } = payment
    const isStale = terms !== null && (terms.revision !== revision || now >= subscription.to)
    if (isStale && !isTaken) return false
    const wasGivenUp = payment.status !== 'requested'
    payment.status = 'paid'
    payment.paidAt = now
    const bill = () =>
      (payment.invoice = note({ kind: 'invoice', status: 'paid', total: amount, discount: 0, dueAt: 0 }))
    const askBack = () => ask(payment, 'stale', amount)
    if (purpose === 'renewal' && wasGivenUp) {
      bill()
      askBack()
    } else if (purpose === 'renewal') {
      if (subscription.status === 'past_due') write({ status: 'active', grace: null })
      if (payment.invoice) payment.invoice.status = 'paid'
      if (payment.allocation) {
        payment.credits = payment.allocation.amount
        payment.grants.push(payment.allocation.id)
      }
    } else if (terms && isStale) {
      bill()
      askBack()
    } else if (terms) {
      subscription = terms.after
      revision++
      const id = put(give, { amount: payment.credits, from: now, to: subscription.to }, now)
      if (id !== null) {
        payment.grants.push(id)
        monthly.push(coins.grantOf(id))
      }
      bill()
    } else {
      const id = put(give, { amount: payment.credits, from: now, to: monthOf(now, 12) }, now)
      payment.grants.push(id ?? '')
      bill()
    }
    for (const back of payment.back) if (back.state === 'waiting') takeBack(payment, back, now)
    return true
  }

  const takeBack = (payment: BookPayment, back: Back, now: number) => {
    const amount = Math.min(back.amount, payment.amount - payment.refunded)
    const fought = payment.back.filter(({ kind, state }) => kind === 'dispute' && state === 'open')
    const before = fought.reduce((sum, other) => sum + other.amount, payment.refunded)
    const share = (money: number) => ceil(payment.credits * Math.min(money, payment.amount), payment.amount)
    let wanted = share(before + amount) - share(before)
    for (const id of payment.grants) {
      if (wanted === 0) break
      const done = coins.reverse(id, wanted, now)
      back.taken += done.amount
      back.owed += done.owed
      wanted -= done.amount
    }
    back.state = back.kind === 'dispute' ? 'open' : 'done'
    if (back.kind === 'refund') moneyBack(payment, amount)
  }

  const moneyBack = (payment: BookPayment, amount: number) => {
    if (amount === 0) return
    payment.refunded += amount
    note({ kind: 'credit_note', status: 'paid', total: -amount, discount: 0, dueAt: 0 })
    if (payment.refunded === payment.amount && payment.invoice) payment.invoice.status = 'refunded'
  }

  /** In the order in which they were asked for. */
  const sendRefunds = (now: number) => {
    for (const { payment, back } of asked.splice(0)) takeBack(payment, back, now)
  }
  const ask = (payment: BookPayment, name: string, amount: number) => {
    const back: Back = { name, kind: 'refund', state: 'asked', amount, taken: 0, owed: 0 }
    payment.back.push(back)
    asked.push({ payment, back })
  }

  const failed = (payment: BookPayment, how: 'failed' | 'abandoned', now: number) => {
    if (payment.status !== 'requested') return
    if (payment.purpose !== 'renewal') payment.status = how
    else if (subscription.status === 'active') write({ status: 'past_due', grace: now + 7 * day })
  }

  return {
    coins,
    payments,
    change,
    upkeep,
    paid,
    buy: (amount: number, credits: number) => pay({ purpose: 'purchase', amount, credits, terms: null }),
    gift: (give: Give, amount: number, now: number) => put(give, { amount, from: now, to: Infinity }, now),
    firstMonth: (give: Give, now: number) => {
      const id = put(give, { amount: free.credits, from: start, to: subscription.to }, now)
      if (id !== null) monthly.push(coins.grantOf(id))
    },
    failed,
    /** An administrator has no money; false: it is refused. */
    deny: (payment: BookPayment, now: number): boolean => {
      if (payment.status === 'denied') return true
      if (payment.status !== 'requested') return false
      const isAwaited = subscription.status === 'active' || subscription.status === 'past_due'
      if (payment.purpose === 'renewal' && isAwaited) {
        failed(payment, 'failed', now)
        return true
      }
      payment.status = 'denied'
      if (payment.invoice) payment.invoice.status = 'void'
      return true
    },
    /** By an administrator; false: more than is left. */
    refund: (payment: BookPayment, name: string, amount: number, now: number): boolean => {
      if (payment.status !== 'paid') return false
      const open = payment.back.filter(({ state }) => state === 'asked' || state === 'open')
      const left = payment.amount - payment.refunded - open.reduce((sum, back) => sum + back.amount, 0)
      if (amount > left) return false
      ask(payment, name, amount)
      sendRefunds(now)
      return true
    },
    /** Told by a provider. */
    wentBack: (
      payment: BookPayment,
      back: { name: string; kind: Back['kind']; amount: number },
      now: number,
    ) => {
      const made: Back = { ...back, state: 'waiting', taken: 0, owed: 0 }
      payment.back.push(made)
      if (payment.status === 'paid') takeBack(payment, made, now)
    },
    disputeEnded: (payment: BookPayment, name: string, won: boolean, give: Give, now: number) => {
      const back = payment.back.find((one) => one.name === name)
      if (back?.state === 'waiting') {
        if (won) back.state = 'void'
        else back.kind = 'refund'
      } else if (back?.state === 'open') {
        const [bought] = payment.grants
        const end = bought ? coins.grantOf(bought).expiresAt : Infinity
        if (!won) moneyBack(payment, Math.min(back.amount, payment.amount - payment.refunded))
        else {
          const stays = payment.back.filter(
            ({ kind, state }) => state === 'done' || (kind === 'dispute' && state === 'open'),
          )
          const others = stays.filter((other) => other !== back)
          const money = others.reduce(
            (sum, { kind, state, amount }) => (kind === 'dispute' && state === 'open' ? sum + amount : sum),
            payment.refunded,
          )
          // Money that came back in another way has taken its credits with it.
          const due = ceil(payment.credits * Math.min(money, payment.amount), payment.amount)
          const gone = Math.max(0, due - others.reduce((sum, { taken }) => sum + taken, 0))
          const most = Math.max(0, back.taken - gone)
          const amount = end <= now ? Math.min(most, back.owed) : most
          const id = put(give, { amount, from: now, to: end <= now ? Infinity : end }, now)
          if (id !== null) payment.grants.push(id)
        }
        back.state = won ? 'void' : 'done'
      }
    },
    openDisputes: () =>
      payments.flatMap((payment) =>
        payment.back
          .filter(({ kind, state }) => kind === 'dispute' && (state === 'open' || state === 'waiting'))
          .map(({ name }) => ({ payment, name })),
      ),
    key: (isThere: boolean, now: number) => {
      for (const key of keys) if (key.until === null) key.until = now
      if (isThere) keys.push({ from: now, until: null })
    },
    /** What the product's reads have to say. */
    shown: (now: number) => {
      const { status, tier, pending, from, to, paying } = subscription
      const next = pending === 'cancel' ? free : (pending ?? tier)
      const price = paying ? next.price : 0
      const isEarned = earned(from, to, now)
      return {
        subscription: {
          status,
          tier: tier.id,
          pending: pending === null ? null : pending === 'cancel' ? 'cancel' : pending.id,
          from,
          to,
          nextTotal: status === 'paused' ? null : price - (isEarned ? offOf(price) : 0),
          isEarned,
        },
        payments: payments.map((payment) => ({
          purpose: payment.purpose,
          status: payment.status,
          amount: payment.amount,
          refunded: payment.refunded,
          isDisputed: payment.back.some(({ kind, state }) => kind === 'dispute' && state === 'open'),
        })),
        invoices: invoices.map(({ kind, status: paidOrNot, total, discount }) => ({
          kind,
          status: paidOrNot,
          total,
          discount,
        })),
      }
    },
  }
}
