import { sql } from 'kysely'

/**
 * An organisation that holds an account is written to where it wants; its holder's own address is made up. Of `users as u` and
 * `organizations as o`.
 */
export const billedEmail = sql<string>`CASE WHEN u.kind = 'organization' THEN coalesce(o.billing_email, u.email) ELSE u.email END`
