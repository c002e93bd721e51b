import type { OrganizationKey } from '../../src/contract/organization-keys.ts'
import classes from './organization-keys.module.css'

/** Whom a shared key serves; an archived team has no calls. */
export const Serves = ({ teams }: Pick<OrganizationKey, 'teams'>) => {
  if (teams === null) return 'Every member'
  const live = teams.filter(({ isArchived }) => !isArchived).map(({ name }) => name)
  const archived = teams.filter(({ isArchived }) => isArchived).map(({ name }) => `${name} (archived)`)
  return (
    <span className={classes.who}>
      <span className={classes.wide}>{live.join(', ') || 'Nobody'}</span>
      {archived.length > 0 && <span className={classes.quiet}>{archived.join(', ')}</span>}
    </span>
  )
}
