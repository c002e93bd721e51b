import { BlockList, isIP } from 'node:net'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { plainAddress } from '../kit/network.ts'

/** What an organisation asks of its members' sessions; pure. Null: as the installation says. */
export interface SessionPolicy {
  readonly idleMinutes: number | null
  readonly sessionHours: number | null
  readonly secondFactorRequired: boolean
  /** Its single sign-on asks for a second factor itself. */
  readonly trustsSingleSignOn: boolean
  /** Addresses and ranges; empty: any. */
  readonly networks: readonly string[]
  /** They hold for operations, too. */
  readonly bindsOperations: boolean
  /** After how many days a token that may manage opens nothing. */
  readonly tokenDays: number | null
}

/** What of it concerns access tokens. */
export type TokenPolicy = Pick<SessionPolicy, 'networks' | 'bindsOperations' | 'tokenDays'>

export const noSessionPolicy: SessionPolicy = {
  idleMinutes: null,
  sessionHours: null,
  secondFactorRequired: false,
  trustsSingleSignOn: true,
  networks: [],
  bindsOperations: false,
  tokenDays: null,
}

/** Why an organisation does not let a session in that is alive: whoever has it may still mend that, or work elsewhere. */
export type Obstacle = 'network' | 'single_sign_on' | 'second_factor'

export interface SessionFacts {
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly secondFactorAt: Date | null
  /** Opened by the single sign-on of the organisation that asks. */
  readonly bySingleSignOn: boolean
  /** Gets in from any network, when the usual ones are down. Its second factor is asked for all the same. */
  readonly isBreakGlass: boolean
}

export const judgeSession = (
  policy: SessionPolicy,
  session: SessionFacts,
  now: Date,
  address: string | undefined,
): Obstacle | 'ended' | null => {
  const idleMs = now.getTime() - session.lastSeenAt.getTime()
  if (policy.idleMinutes !== null && idleMs > policy.idleMinutes * 60_000) return 'ended'
  const ageMs = now.getTime() - session.createdAt.getTime()
  if (policy.sessionHours !== null && ageMs > policy.sessionHours * 3_600_000) return 'ended'
  if (address !== undefined && !session.isBreakGlass && !isWithin(address, policy.networks)) return 'network'
  if (!policy.secondFactorRequired || session.secondFactorAt !== null) return null
  return session.bySingleSignOn && policy.trustsSingleSignOn ? null : 'second_factor'
}

const dayMs = 86_400_000

export interface JudgedToken {
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly scopes: readonly string[]
}

/** Where policies cut the time of tokens that may change things; others are for programs, which end by themselves. */
export const endOfToken = (policies: readonly TokenPolicy[], token: JudgedToken): Date | null => {
  const { createdAt, expiresAt, scopes } = token
  const days = policies.flatMap(({ tokenDays }) => tokenDays ?? [])
  if (days.length === 0 || !(scopes.includes('manage') || scopes.includes('administer'))) return expiresAt
  const cut = createdAt.getTime() + Math.min(...days) * dayMs
  return expiresAt !== null && expiresAt.getTime() < cut ? expiresAt : new Date(cut)
}

/** At the management API. */
export const judgeToken = (
  policies: readonly TokenPolicy[],
  token: JudgedToken,
  now: Date,
  address: string,
): Outcome<void> => {
  if (!policies.every(({ networks }) => isWithin(address, networks)))
    return failure('network_not_allowed', notFromHere)
  const end = endOfToken(policies, token)
  return end === null || now < end ? success(undefined) : tooOld
}

const tooOld = failure('expired_token', {
  message: 'The access token is older than your organisation takes those that may manage.',
  next: 'Make another one in the dashboard, and revoke this one.',
})
export const notFromHere = {
  message: 'Your organisation does not take access tokens from this network.',
} as const

/** An address, or a range as `198.51.100.0/24`. */
export const isNetwork = (text: string): boolean => {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined || address.includes('%')) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** In an empty list, from anywhere. */
export const isWithin = (address: string, networks: readonly string[]): boolean =>
  networks.length === 0 || compileNetworks(networks)(address)

/**
 * For whoever asks often. Nothing is within an empty list. One list a family: a list of both takes every IPv4 address to be
 * within `::/0`.
 */
export const compileNetworks = (networks: readonly string[]): ((address: string) => boolean) => {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const [start = '', given] = network.split('/')
    const family = isIP(start) === 6 ? 'ipv6' : 'ipv4'
    const bits = given === undefined ? (family === 'ipv6' ? 128 : 32) : Number(given)
    const mapped = family === 'ipv6' && bits >= 96 ? plainAddress(start) : null
    if (mapped?.family === 'ipv4') lists.ipv4.addSubnet(mapped.address, bits - 96, 'ipv4')
    else lists[family].addSubnet(start, bits, family)
  }
  return (text) => {
    const plain = plainAddress(text)
    return plain !== null && lists[plain.family].check(plain.address, plain.family)
  }
}
