import { Progress } from '@mantine/core'
import type { VaultChange } from '../../src/contract/vault.ts'
import { Ago } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Panel } from '../ui/page.tsx'
import classes from './vault.module.css'

const kinds = {
  rotate: 'Rotation of the master key',
  move: 'Move of the master key',
  rewrap: 'Wrapping anew',
  upgrade: 'Sealing anew in the present format',
} as const

/** How far a rotation or move has come; the newest one stays here when it is over. */
export const ChangeProgress = ({ of }: { of: VaultChange }) => {
  const goesOn = of.state === 'staging' || of.state === 'rewrapping'
  const share = of.total === 0 ? (goesOn ? 0 : 100) : Math.floor((of.done / of.total) * 100)
  return (
    <Panel title={kinds[of.kind]} description={<Since of={of} />}>
      <div className={classes.column}>
        <Progress
          value={of.state === 'staging' ? 0 : of.state === 'done' ? 100 : share}
          size="md"
          color="petrol"
          animated={goesOn}
          aria-label={kinds[of.kind]}
        />
        <p aria-live="polite">{stateText(of, share)}</p>
        {of.unreadable > 0 && (
          <p className={classes.quiet}>
            {counted(of.unreadable, 'thing')} did not open and stayed as before; the audit trail names each.
          </p>
        )}
      </div>
    </Panel>
  )
}

const Since = ({ of }: { of: VaultChange }) => (
  <>
    To version {of.toVersion}, started <Ago at={of.startedAt} />
    {of.finishedAt !== null && (
      <>
        , over <Ago at={of.finishedAt} />
      </>
    )}
  </>
)

const stateText = (of: VaultChange, share: number): string => {
  if (of.state === 'done')
    return `Done: ${counted(of.done, 'key and secret', 'keys and secrets')} wrapped anew.`
  if (of.state === 'abandoned') return 'Abandoned. The version before stays in use.'
  if (of.state === 'staging')
    return of.waitingFor.length === 0
      ? 'Every process can unwrap the new version; it is being promoted.'
      : `Waiting until ${counted(of.waitingFor.length, 'more process', 'more processes')} can unwrap the new version.`
  return `${count(of.done)} of ${count(of.total)} wrapped anew (${share} %), ${count(of.remaining)} to go. It goes on after a restart where it was.`
}
