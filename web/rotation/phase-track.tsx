import { IconCheck } from '@tabler/icons-react'
import type { Rotation } from '../../src/contract/rotation.ts'
import { phaseOf, phases, standOf, stateWords } from './rotation-words.ts'
import classes from './rotation.module.css'

/** How far a rotation has come, and whether it goes on by itself. */
export const PhaseTrack = (props: { of: Rotation; small?: boolean }) => {
  const done = phaseOf(props.of)
  const stand = standOf(props.of)
  return (
    <div className={classes.track} data-stand={stand} data-small={props.small || undefined}>
      <p className="visually-hidden">
        {stateWords[props.of.state].text}: {Math.min(done, phases.length)} of {phases.length} done.
      </p>
      <ol aria-hidden>
        {phases.map((phase, index) => (
          <li
            key={phase}
            className={classes.phase}
            data-state={index < done ? 'done' : index === done ? 'now' : undefined}
          >
            <span className={classes.dot}>{index < done && <IconCheck size={12} stroke={3} />}</span>
            <span className={classes.phaseName}>{phase}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
