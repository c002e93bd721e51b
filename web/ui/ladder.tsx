import type { ReactNode } from 'react'
import classes from './ladder.module.css'
import type { Tone } from './mark.tsx'

export interface Rung {
  readonly key: string
  readonly tone: Tone
  readonly title: ReactNode
  readonly words: ReactNode
  /** At the right: what it costs, how it went. */
  readonly aside?: ReactNode
  /** This is the one that was, or would be, taken. */
  readonly taken?: boolean
}

/** Steps in the order in which they are tried, one below the other. */
export const Ladder = (props: { label: string; rungs: readonly Rung[] }) => (
  <ol className={classes.ladder} aria-label={props.label}>
    {props.rungs.map((rung, index) => (
      <li key={rung.key} className={classes.rung} data-tone={rung.tone} data-taken={rung.taken || undefined}>
        <span className={classes.number} aria-hidden>
          {index + 1}
        </span>
        <div className={classes.words}>
          <div className={classes.head}>
            <span className={classes.title}>{rung.title}</span>
            {rung.aside && <span className={classes.aside}>{rung.aside}</span>}
          </div>
          <p className={classes.text}>{rung.words}</p>
        </div>
      </li>
    ))}
  </ol>
)
