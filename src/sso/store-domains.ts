import { sql } from 'kysely'
import type { Executor } from './store.ts'

export interface Domain {
  readonly organizationId: string
  readonly domain: string
  readonly token: string
  readonly verifiedAt: Date | null
  readonly checkedAt: Date | null
  readonly problem: string | null
  readonly enforced: boolean
}

const columns = [
  'organization_id as organizationId',
  'domain',
  'token',
  'verified_at as verifiedAt',
  'checked_at as checkedAt',
  'problem',
  'enforced',
] as const

export const listDomains = (executor: Executor, organizationId: string): Promise<Domain[]> =>
  executor
    .selectFrom('sso_domains')
    .select(columns)
    .where('organization_id', '=', organizationId)
    .orderBy('domain')
    .execute()

export const findDomain = async (
  executor: Executor,
  organizationId: string,
  domain: string,
): Promise<Domain | null> =>
  (await executor
    .selectFrom('sso_domains')
    .select(columns)
    .where('organization_id', '=', organizationId)
    .where('domain', '=', domain)
    .executeTakeFirst()) ?? null

/** False: it is there. */
export const insertDomain = async (
  executor: Executor,
  row: { organizationId: string; domain: string; token: string; at: Date },
): Promise<boolean> => {
  const result = await executor
    .insertInto('sso_domains')
    .values({
      organization_id: row.organizationId,
      domain: row.domain,
      token: row.token,
      created_at: row.at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows) === 1
}

export const changeDomain = async (
  executor: Executor,
  { organizationId, domain }: Pick<Domain, 'organizationId' | 'domain'>,
  change: Partial<Pick<Domain, 'verifiedAt' | 'checkedAt' | 'problem' | 'enforced'>>,
): Promise<void> => {
  await executor
    .updateTable('sso_domains')
    .set({
      ...('verifiedAt' in change && { verified_at: change.verifiedAt }),
      ...('checkedAt' in change && { checked_at: change.checkedAt }),
      ...('problem' in change && { problem: change.problem }),
      ...('enforced' in change && { enforced: change.enforced }),
    })
    .where('organization_id', '=', organizationId)
    .where('domain', '=', domain)
    .execute()
}

export const deleteDomain = async (
  executor: Executor,
  { organizationId, domain }: Pick<Domain, 'organizationId' | 'domain'>,
): Promise<void> => {
  await executor
    .deleteFrom('sso_domains')
    .where('organization_id', '=', organizationId)
    .where('domain', '=', domain)
    .execute()
}

export const holderOf = async (executor: Executor, domain: string): Promise<string | null> => {
  const { rows } = await sql<{ holderId: string }>`
    SELECT holder_id AS "holderId" FROM sso_domain_holders WHERE domain = ${domain}`.execute(executor)
  return rows[0]?.holderId ?? null
}

/** False: somebody else has it. */
export const holdDomain = async (executor: Executor, domain: string, holderId: string): Promise<boolean> => {
  await sql`INSERT INTO sso_domain_holders (domain, holder_id) VALUES (${domain}, ${holderId})
    ON CONFLICT (domain) DO NOTHING`.execute(executor)
  return (await holderOf(executor, domain)) === holderId
}

export const releaseDomain = async (executor: Executor, domain: string, holderId: string): Promise<void> => {
  await executor
    .deleteFrom('sso_domain_holders')
    .where('domain', '=', domain)
    .where('holder_id', '=', holderId)
    .execute()
}
