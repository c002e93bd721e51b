import { IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import classes from './rotation.module.css'

interface Finding {
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

/** What was looked at, and whether it is as it must be. */
export const Findings = (props: { of: readonly Finding[] }) => (
  <ul className={classes.findings}>
    {props.of.map((finding) => (
      <li key={finding.what}>
        {finding.ok ? (
          <IconCircleCheck size={16} color="var(--own)" aria-label="Good" />
        ) : (
          <IconCircleX size={16} color="var(--bad)" aria-label="Not good" />
        )}
        <span>
          <strong>{finding.what}</strong> {finding.detail}
        </span>
      </li>
    ))}
  </ul>
)
