import { IconArrowRight } from '@tabler/icons-react'
import classes from './billing.module.css'
import type { Difference } from './tier-changes.ts'

/** Old and new beside each other; what was is struck through, and said to be so. */
export const DifferenceList = ({ differences }: { differences: readonly Difference[] }) => (
  <dl className={classes.diff}>
    {differences.map(({ name, before, after }) => (
      <div key={name} style={{ display: 'contents' }}>
        <dt>{name}</dt>
        <dd>
          {before !== null && (
            <>
              <span className="visually-hidden">was </span>
              <del className={classes.was}>{before}</del>
              <IconArrowRight className={classes.becomes} size={14} stroke={2} aria-hidden />
              <span className="visually-hidden">, is now </span>
            </>
          )}
          <span className={before === null ? undefined : classes.is}>{after}</span>
        </dd>
      </div>
    ))}
  </dl>
)
