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

/** Of an operation `o`: where its member was assigned when it began. */
export const costCentreOfOperation = costCentreAt(
  { kind: 'member', organization: sql`o.organization_id`, id: sql`o.user_id` },
  sql`o.started_at`,
)
