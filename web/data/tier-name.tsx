import { useRead } from './queries.ts'

/** `pro` → Pro; the id itself until the names have arrived. Administrators only. */
export const TierName = (props: { id: string }) => {
  const tiers = useRead('listTiers', {})
  return <>{tiers.data?.items.find((tier) => tier.id === props.id)?.name ?? props.id}</>
}
