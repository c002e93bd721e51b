import { Button } from '@mantine/core'
import type { Rotation } from '../../../src/contract/rotation.ts'
import { useManagedRotationActions } from '../../data/rotation-actions.ts'
import { Ago } from '../../ui/figures.tsx'
import { counted } from '../../ui/format.ts'
import { EmptyState } from '../../ui/notice.tsx'
import { Panel } from '../../ui/page.tsx'
import { PhaseTrack } from '../phase-track.tsx'
import { Commands, Trouble } from '../rotation-detail.tsx'
import { RotationMark } from '../rotation-mark.tsx'
import { phases, phaseOf, standOf } from '../rotation-words.ts'
import { KeyName, RotationsTable } from '../rotations-table.tsx'
import classes from '../rotation.module.css'

interface Props {
  readonly rotations: readonly Rotation[]
  readonly openKey: string | undefined
  readonly onOpen: (id: string) => void
}

/** What waits for a person first, with what to do; then what goes on by itself. */
export const UnderWay = (props: Props) => {
  const waiting = props.rotations.filter((each) => standOf(each) === 'waits')
  const running = props.rotations.filter((each) => standOf(each) !== 'waits')
  if (props.rotations.length === 0)
    return (
      <Panel flush>
        <EmptyState title="Nothing is under way">
          Rotations begin by their schedules, or by hand from a key’s page. While one runs, its progress
          stands here.
        </EmptyState>
      </Panel>
    )
  return (
    <>
      {waiting.length > 0 && (
        <Panel
          flush
          title="Waiting for a person"
          description="Nothing is broken meanwhile: the key in use stays."
        >
          <ul className={classes.queue}>
            {waiting.map((rotation) => (
              <Waiting key={rotation.id} of={rotation} onOpen={() => props.onOpen(rotation.id)} />
            ))}
          </ul>
        </Panel>
      )}
      {running.length > 0 && (
        <Panel flush title="Going on by themselves" description={tally(running)}>
          <RotationsTable
            label="Rotations under way"
            underWay
            rotations={running}
            openKey={props.openKey}
            onOpen={(rotation) => props.onOpen(rotation.id)}
          />
        </Panel>
      )}
    </>
  )
}

/** `2 in Overlap, 1 in New key`. */
const tally = (rotations: readonly Rotation[]): string =>
  phases
    .map((phase, index) => ({ phase, at: rotations.filter((each) => phaseOf(each) === index).length }))
    .filter(({ at }) => at > 0)
    .map(({ phase, at }) => `${counted(at, 'rotation')} at “${phase}”`)
    .join(', ')

const Waiting = ({ of, onOpen }: { of: Rotation; onOpen: () => void }) => {
  const actions = useManagedRotationActions()
  return (
    <li aria-label={`Rotation of ${of.key.label}`}>
      <div className={classes.queueHead}>
        <KeyName of={of.key} />
        <span className={classes.inline}>
          <RotationMark of={of} plain={false} />
          <span className={classes.quiet}>
            started <Ago at={of.startedAt} />
          </span>
        </span>
      </div>
      <PhaseTrack of={of} small />
      <Trouble of={of} />
      <div className={classes.buttons}>
        <Button size="compact-sm" onClick={onOpen}>
          {of.commands.includes('new_secret') ? 'Give the new key' : 'Details'}
          <span className="visually-hidden"> of {of.key.label}</span>
        </Button>
        <Commands of={of} actions={actions} />
      </div>
    </li>
  )
}
