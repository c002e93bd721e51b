import type { AccountGrant } from '../../src/contract/billing-administration.ts'

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** What a reversal would take, as the ledger does it: what is there first, then what has expired; the rest is owed. */
export const reversalParts = (
  grant: Pick<AccountGrant, 'remainingMicros' | 'expiredMicros'>,
  wantedMicros: string,
): { readonly unspentMicros: string; readonly expiredMicros: string; readonly owedMicros: string } => {
  const wanted = BigInt(wantedMicros)
  const unspent = least(BigInt(grant.remainingMicros), wanted)
  const expired = least(BigInt(grant.expiredMicros), wanted - unspent)
  return {
    unspentMicros: String(unspent),
    expiredMicros: String(expired),
    owedMicros: String(wanted - unspent - expired),
  }
}
