import { type RawBuilder, sql } from 'kysely'

/** The cost centre that somebody's use counted for at an instant. */
export const costCentreAt = (
  subject: { kind: 'member' | 'team'; organization: RawBuilder<unknown>; id: RawBuilder<unknown> },
  at: RawBuilder<unknown>,
): RawBuilder<string | null> => sql`(
  SELECT a.code FROM cost_centre_assignments a
  WHERE a.organization_id = ${subject.organization} AND a.subject_kind = ${sql.lit(subject.kind)}
    AND a.subject_id = ${subject.id} AND a.from_at <= ${at}
  ORDER BY a.from_at DESC LIMIT 1)`

/** Where somebody's use for a team was charged to at an instant: to the team's cost centre, else to their own. */
export const costCentreOf = (
  of: { organization: RawBuilder<unknown>; team: RawBuilder<unknown>; user: RawBuilder<unknown> },
  at: RawBuilder<unknown>,
): RawBuilder<string | null> => {
  const { organization } = of
  const ofTeam = costCentreAt({ kind: 'team', organization, id: of.team }, at)
  return sql`coalesce(CASE WHEN ${of.team} IS NOT NULL THEN ${ofTeam} END,
    ${costCentreAt({ kind: 'member', organization, id: of.user }, at)})`
}

/** Of an operation `o`, when it began. */
export const costCentreOfOperation = costCentreOf(
  { organization: sql`o.organization_id`, team: sql`o.team_id`, user: sql`o.user_id` },
  sql`o.started_at`,
)
