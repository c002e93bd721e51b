import type { ServiceKey } from './service-key.ts'

/**
 * The teams whose keys a call may use. Made with a token of a team it is that team's work, so that no team's work is paid by
 * another's key; any other call is its user's, who may use the keys of every team that they are in.
 */
export const teamsOfCall = (
  { teamId }: { readonly teamId: string | null },
  { teamIds }: { readonly teamIds: readonly string[] },
): readonly string[] => (teamId === null ? teamIds : [teamId])

/** `keptKeys` are the organisation's for other teams: only ever named, never used. */
export const forTeams = (
  keys: readonly ServiceKey[],
  ofCall: readonly string[],
): { readonly ownKeys: readonly ServiceKey[]; readonly keptKeys: readonly ServiceKey[] } => {
  const isOpen = ({ teamIds }: ServiceKey) => teamIds === null || teamIds.some((id) => ofCall.includes(id))
  return { ownKeys: keys.filter(isOpen), keptKeys: keys.filter((key) => !isOpen(key)) }
}
