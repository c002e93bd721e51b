import classes from './share-bar.module.css'
import type { Tone } from './mark.tsx'

export interface Share {
  readonly key: string
  readonly label: string
  readonly tone: Tone
  readonly count: number
}

/** How a whole parts, at a glance; the words next to it say the same. */
export const ShareBar = (props: { label: string; shares: readonly Share[] }) => (
  <>
    <p className="visually-hidden">
      {props.label}: {props.shares.map(({ label, count }) => `${label} ${count}`).join(', ')}.
    </p>
    <div className={classes.bar} aria-hidden>
      {props.shares
        .filter(({ count }) => count > 0)
        .map(({ key, tone, count }) => (
          <span key={key} className={classes.share} data-tone={tone} style={{ flexGrow: count }} />
        ))}
    </div>
  </>
)
