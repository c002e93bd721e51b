import { z } from 'zod'
import type { Actor } from '../audit/audit.ts'
import type { Billing } from '../billing/billing.ts'
import { addressHost } from '../contract/billing-administration.ts'
import type { Pack } from '../billing/payment.ts'
import type { BillingSettings } from '../billing/settings.ts'
import type { Tier, TierDraft } from '../billing/tier.ts'
import type { Outcome } from '../kit/fault.ts'
import { formatMicros, parseCredits } from '../kit/money.ts'
import { rateLimitsSchema, unlimited } from './rate-limits.ts'

/** Tiers, packs and billing settings in a document. Money is written as people write it, in units of its currency. */

const missing = 'This is missing.'
/** Numbers lose digits; a text of digits does not. Both are taken. */
const amount = (error: string) =>
  z.union([z.number().min(0), z.string()], { error: ({ input }) => (input === undefined ? missing : error) })
const textOf = (value: number | string): string =>
  typeof value === 'number' && Number.isInteger(value) ? value.toFixed(0) : String(value)

const notCredits = 'Credits are a number with at most six decimal places, and not below zero.'
const credits = amount(notCredits).transform((value, context) => {
  const micros = parseCredits(textOf(value))
  if (micros !== null && micros >= 0n) return micros
  context.addIssue({ code: 'custom', message: notCredits })
  return z.NEVER
})

const notAPrice = 'A price is a number with at most three decimal places, and not below zero.'
/** Checked against its currency's decimals once that is known. */
const price = amount(notAPrice).transform((value, context) => {
  const text = textOf(value).trim()
  if (/^\d{1,12}(?:\.\d{1,3})?$/.test(text)) return text
  context.addIssue({ code: 'custom', message: notAPrice })
  return z.NEVER
})

const currency = z.string().regex(/^[A-Z]{3}$/, 'A currency is three capital letters.')
const id = (what: string) =>
  z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, `A ${what}’s id is lower case letters, digits, - and _.`)

export const tierSchema = (serviceId: z.ZodType<string, string>) =>
  z.strictObject({
    id: id('tier'),
    name: z.string().trim().min(1).max(80),
    monthlyCredits: credits,
    monthlyPrice: price,
    currency: currency.optional(),
    position: z.number().int().min(0).max(1000).optional(),
    rolloverCredits: credits.optional(),
    services: z.array(serviceId).nullable().optional(),
    groups: z
      .array(z.string().trim().min(1).max(80))
      .transform((groups) => groups.map((group) => group.replace(/^group\//, '')))
      .nullable()
      .optional(),
    rateLimits: rateLimitsSchema.optional(),
    /** Nobody changes to it any more; who has it keeps it. */
    archived: z.literal(true, 'A tier that is archived stays so.').optional(),
  })
export type DocumentTier = z.output<ReturnType<typeof tierSchema>>

export const packSchema = z.strictObject({
  id: id('pack'),
  name: z.string().trim().min(1).max(80),
  credits,
  price,
  currency: currency.optional(),
  position: z.number().int().min(0).max(1000).optional(),
})
export type DocumentPack = z.output<typeof packSchema>

const percent = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => Number.isInteger(Math.round(value * 1e6) / 1e4), 'A percentage has two decimal places.')
  .transform((value) => Math.round(value * 100))

export const billingSchema = z.strictObject({
  provider: z.enum(['manual', 'stripe']).optional(),
  currency: currency.optional(),
  issuer: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'An issuer is lower case letters, digits and -.')
    .optional(),
  freeTier: z.string().optional(),
  dueDays: z.number().int().min(0).max(365).optional(),
  graceDays: z.number().int().min(0).max(365).optional(),
  ownKeyDiscount: z
    .strictObject({
      percent: percent.optional(),
      minimumSharePercent: percent.optional(),
      minimumContinuousDays: z.number().int().min(0).max(31).optional(),
      organizationKeysCount: z.boolean().optional(),
      addresses: z.array(addressHost).max(50).optional(),
    })
    .optional(),
  customAmounts: z
    .strictObject({
      minimum: price.optional(),
      maximum: price.optional(),
      creditsPerUnit: credits.optional(),
    })
    .optional(),
  purchaseExpiryMonths: z.number().int().min(1).max(120).nullable().optional(),
  secondApproverAbove: credits.optional(),
})
export type DocumentBilling = z.output<typeof billingSchema>

export interface StoredBilling {
  readonly tiers: readonly Tier[]
  readonly packs: readonly Pack[]
  readonly settings: BillingSettings
}

export type BillingAction =
  | { readonly kind: 'save_tier'; readonly draft: TierDraft }
  | { readonly kind: 'archive_tier'; readonly tierId: string }
  | { readonly kind: 'save_pack'; readonly pack: Omit<Pack, 'archivedAt'> }
  | { readonly kind: 'save_billing'; readonly settings: BillingSettings }

export interface PlannedBilling {
  readonly subject: string
  readonly isNew: boolean
  readonly details: readonly string[]
  readonly action: BillingAction
}

const digitsOf = (code: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency: code }).resolvedOptions()
    .maximumFractionDigits ?? 2

/** In the smallest unit of ISO 4217; null: the currency has fewer decimals. */
const minorOf = (text: string, code: string): bigint | null => {
  const [whole = '0', fraction = ''] = text.split('.')
  const digits = digitsOf(code)
  return fraction.length > digits ? null : BigInt(whole + fraction.padEnd(digits, '0'))
}

const priceText = (minor: bigint, code: string): string => {
  const digits = digitsOf(code)
  const text = String(minor).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}
const moneyText = (minor: bigint, code: string): string => `${priceText(minor, code)} ${code}`

/** Prices with more decimals than their currency has, which nobody could be charged. */
export const priceProblems = (
  document: {
    readonly tiers?: readonly DocumentTier[] | undefined
    readonly packs?: readonly DocumentPack[] | undefined
    readonly billing?: DocumentBilling | undefined
  },
  stored: StoredBilling,
): string[] => {
  const code = document.billing?.currency ?? stored.settings.currency
  const { minimum, maximum, creditsPerUnit } = document.billing?.customAmounts ?? {}
  const prices = [
    ...(document.tiers ?? []).map((tier) => ({
      what: `tier ${tier.id}`,
      text: tier.monthlyPrice,
      code: tierCurrency(tier, stored),
    })),
    ...(document.packs ?? []).map((pack) => ({
      what: `pack ${pack.id}`,
      text: pack.price,
      code: packCurrency(pack, document.billing, stored),
    })),
    ...[minimum, maximum].flatMap((text) => (text === undefined ? [] : [{ what: 'billing', text, code }])),
  ]
  return [
    ...prices
      .filter((each) => minorOf(each.text, each.code) === null)
      .map((each) => `${each.what}: ${each.text} ${each.code} has more decimal places than the currency.`),
    ...(creditsPerUnit !== undefined && creditsPerUnit % 10n ** BigInt(digitsOf(code)) !== 0n
      ? ['billing: creditsPerUnit is no whole number of micro-credits for the smallest amount.']
      : []),
  ]
}

const tierCurrency = (tier: DocumentTier, stored: StoredBilling): string =>
  tier.currency ?? stored.tiers.find(({ id: known }) => known === tier.id)?.current.currency ?? 'USD'
const packCurrency = (pack: DocumentPack, billing: DocumentBilling | undefined, stored: StoredBilling) =>
  pack.currency ??
  stored.packs.find(({ id: known }) => known === pack.id)?.currency ??
  billing?.currency ??
  stored.settings.currency

const lines = (
  before: Readonly<Record<string, string>> | null,
  now: Readonly<Record<string, string>>,
): string[] =>
  Object.entries(now)
    .filter(([name, value]) => before?.[name] !== value)
    .map(([name, value]) => (before === null ? `${name}: ${value}` : `${name}: ${before[name]} → ${value}`))

type Shown = Omit<TierDraft, 'tierId' | 'reason' | 'effectiveAt'>

const tierShown = (tier: Shown): Record<string, string> => {
  const { services, groups, rateLimits } = tier.entitlements
  const list = (names: readonly string[] | null) => (names === null ? 'all' : names.join(', ') || 'none')
  return {
    name: tier.name,
    monthlyCredits: formatMicros(tier.allocationMicros),
    monthlyPrice: moneyText(tier.priceMinor, tier.currency),
    position: String(tier.position),
    rolloverCredits: formatMicros(tier.rolloverCapMicros),
    services: list(services),
    groups: list(groups),
    rateLimits:
      rateLimits === null
        ? 'none'
        : Object.entries(rateLimits)
            .filter(([, limit]) => limit !== null)
            .map(([name, limit]) => `${name} ${limit}`)
            .join(', ') || 'none',
  }
}

export const planTier = (wanted: DocumentTier, stored: StoredBilling): PlannedBilling[] => {
  const before = stored.tiers.find(({ id: known }) => known === wanted.id)
  const current = before?.current
  const code = tierCurrency(wanted, stored)
  const own = current?.entitlements
  const sorted = (names: readonly string[] | null) => names && [...new Set(names)].toSorted(byText)
  const draft: TierDraft & { position: number } = {
    tierId: wanted.id,
    name: wanted.name,
    priceMinor: minorOf(wanted.monthlyPrice, code) ?? 0n,
    currency: code,
    allocationMicros: wanted.monthlyCredits,
    rolloverCapMicros: wanted.rolloverCredits ?? current?.rolloverCapMicros ?? 0n,
    entitlements: {
      services: sorted(wanted.services === undefined ? (own?.services ?? null) : wanted.services),
      groups: sorted(wanted.groups === undefined ? (own?.groups ?? null) : wanted.groups),
      rateLimits: wanted.rateLimits
        ? { ...unlimited, ...own?.rateLimits, ...wanted.rateLimits }
        : wanted.rateLimits === undefined
          ? (own?.rateLimits ?? null)
          : null,
    },
    position: wanted.position ?? before?.position ?? stored.tiers.length + 1,
    reason: 'aideon-keys apply',
  }
  const known =
    before &&
    tierShown({
      ...before.current,
      position: before.position,
      entitlements: {
        ...before.current.entitlements,
        services: sorted(before.current.entitlements.services),
        groups: sorted(before.current.entitlements.groups),
      },
    })
  const saved: PlannedBilling = {
    subject: `tier ${wanted.id}`,
    isNew: before === undefined,
    details: lines(known ?? null, tierShown(draft)),
    action: { kind: 'save_tier', draft },
  }
  if (wanted.archived === undefined) return [saved]
  const details = before?.archivedAt == null ? ['archived: no → yes'] : []
  const action = { kind: 'archive_tier', tierId: wanted.id } as const
  return [saved, { subject: `tier ${wanted.id}: archived`, isNew: false, details, action }]
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** As a document writes it. */
export const tierInDocument = ({ id: tierId, position, current, archivedAt }: Tier) => ({
  id: tierId,
  name: current.name,
  monthlyCredits: formatMicros(current.allocationMicros),
  monthlyPrice: priceText(current.priceMinor, current.currency),
  currency: current.currency,
  position,
  rolloverCredits: formatMicros(current.rolloverCapMicros),
  services: current.entitlements.services,
  groups: current.entitlements.groups,
  rateLimits: current.entitlements.rateLimits,
  ...(archivedAt !== null && { archived: true }),
})

export const packInDocument = ({
  id: packId,
  name,
  creditMicros,
  priceMinor,
  currency: code,
  position,
}: Pack) => ({
  id: packId,
  name,
  credits: formatMicros(creditMicros),
  price: priceText(priceMinor, code),
  currency: code,
  position,
})

const packShown = (pack: Omit<Pack, 'archivedAt'>): Record<string, string> => ({
  name: pack.name,
  credits: formatMicros(pack.creditMicros),
  price: moneyText(pack.priceMinor, pack.currency),
  position: String(pack.position),
})

export const planPack = (
  wanted: DocumentPack,
  billing: DocumentBilling | undefined,
  stored: StoredBilling,
): PlannedBilling => {
  const before = stored.packs.find(({ id: known }) => known === wanted.id)
  const code = packCurrency(wanted, billing, stored)
  const pack = {
    id: wanted.id,
    name: wanted.name,
    creditMicros: wanted.credits,
    priceMinor: minorOf(wanted.price, code) ?? 0n,
    currency: code,
    position: wanted.position ?? before?.position ?? 100,
  }
  return {
    subject: `pack ${wanted.id}`,
    isNew: before === undefined,
    details: lines(before ? packShown(before) : null, packShown(pack)),
    action: { kind: 'save_pack', pack },
  }
}

const settingsShown = (settings: BillingSettings): Record<string, string> => ({
  provider: settings.provider,
  currency: settings.currency,
  issuer: settings.issuer,
  freeTier: settings.freeTierId,
  dueDays: String(settings.dueDays),
  graceDays: String(settings.graceDays),
  'ownKeyDiscount.percent': `${settings.discount.basisPoints / 100} %`,
  'ownKeyDiscount.minimumSharePercent': `${settings.discount.minimumShareBasisPoints / 100} %`,
  'ownKeyDiscount.minimumContinuousDays': String(settings.discount.minimumContinuousDays),
  'ownKeyDiscount.organizationKeysCount': settings.discount.organizationKeysCount ? 'yes' : 'no',
  'ownKeyDiscount.addresses': settings.discount.addresses.join(', ') || 'none',
  'customAmounts.minimum': moneyText(settings.customMinimumMinor, settings.currency),
  'customAmounts.maximum': moneyText(settings.customMaximumMinor, settings.currency),
  'customAmounts.creditsPerUnit': formatMicros(
    settings.microsPerMinor * 10n ** BigInt(digitsOf(settings.currency)),
  ),
  purchaseExpiryMonths:
    settings.purchaseExpiryMonths === null ? 'never' : String(settings.purchaseExpiryMonths),
  secondApproverAbove: formatMicros(settings.secondApproverAboveMicros),
})

/** As a document writes it. */
export const billingInDocument = (settings: BillingSettings) => {
  const { currency: code, discount } = settings
  return {
    provider: settings.provider,
    currency: code,
    issuer: settings.issuer,
    freeTier: settings.freeTierId,
    dueDays: settings.dueDays,
    graceDays: settings.graceDays,
    ownKeyDiscount: {
      percent: discount.basisPoints / 100,
      minimumSharePercent: discount.minimumShareBasisPoints / 100,
      minimumContinuousDays: discount.minimumContinuousDays,
      organizationKeysCount: discount.organizationKeysCount,
      addresses: discount.addresses,
    },
    customAmounts: {
      minimum: priceText(settings.customMinimumMinor, code),
      maximum: priceText(settings.customMaximumMinor, code),
      creditsPerUnit: formatMicros(settings.microsPerMinor * 10n ** BigInt(digitsOf(code))),
    },
    purchaseExpiryMonths: settings.purchaseExpiryMonths,
    secondApproverAbove: formatMicros(settings.secondApproverAboveMicros),
  }
}

/** What a document leaves out stays as it is. */
export const planBilling = (wanted: DocumentBilling, { settings }: StoredBilling): PlannedBilling => {
  const code = wanted.currency ?? settings.currency
  const { ownKeyDiscount: rule = {}, customAmounts: custom = {} } = wanted
  const money = (text: string | undefined, before: bigint) =>
    text === undefined ? before : (minorOf(text, code) ?? before)
  const next: BillingSettings = {
    provider: wanted.provider ?? settings.provider,
    currency: code,
    issuer: wanted.issuer ?? settings.issuer,
    freeTierId: wanted.freeTier ?? settings.freeTierId,
    dueDays: wanted.dueDays ?? settings.dueDays,
    graceDays: wanted.graceDays ?? settings.graceDays,
    discount: {
      basisPoints: rule.percent ?? settings.discount.basisPoints,
      minimumShareBasisPoints: rule.minimumSharePercent ?? settings.discount.minimumShareBasisPoints,
      minimumContinuousDays: rule.minimumContinuousDays ?? settings.discount.minimumContinuousDays,
      organizationKeysCount: rule.organizationKeysCount ?? settings.discount.organizationKeysCount,
      addresses: rule.addresses ?? settings.discount.addresses,
    },
    microsPerMinor:
      custom.creditsPerUnit === undefined
        ? settings.microsPerMinor
        : custom.creditsPerUnit / 10n ** BigInt(digitsOf(code)),
    customMinimumMinor: money(custom.minimum, settings.customMinimumMinor),
    customMaximumMinor: money(custom.maximum, settings.customMaximumMinor),
    purchaseExpiryMonths:
      wanted.purchaseExpiryMonths === undefined ? settings.purchaseExpiryMonths : wanted.purchaseExpiryMonths,
    secondApproverAboveMicros: wanted.secondApproverAbove ?? settings.secondApproverAboveMicros,
  }
  return {
    subject: 'billing settings',
    isNew: false,
    details: lines(settingsShown(settings), settingsShown(next)),
    action: { kind: 'save_billing', settings: next },
  }
}

export const performBilling = (
  action: BillingAction,
  billing: Pick<Billing, 'saveTier' | 'archiveTier' | 'savePack' | 'saveSettings'>,
  actor: Actor,
): Promise<Outcome<unknown>> => {
  switch (action.kind) {
    case 'save_tier':
      return billing.saveTier(actor, action.draft)
    case 'archive_tier':
      return billing.archiveTier(actor, action.tierId, 'aideon-keys apply')
    case 'save_pack':
      return billing.savePack(actor, action.pack)
    case 'save_billing':
      return billing.saveSettings(actor, action.settings, 'aideon-keys apply')
  }
}
