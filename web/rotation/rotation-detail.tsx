import { Button } from '@mantine/core'
import { useState } from 'react'
import type { Rotation, RotationDetail } from '../../src/contract/rotation.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyableId } from '../ui/copy.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { type AskedCommand, CommandDialog, commandWords } from './command-dialogs.tsx'
import { NewSecretForm } from './new-secret.tsx'
import { PhaseTrack } from './phase-track.tsx'
import { RotationMark } from './rotation-mark.tsx'
import { remoteWords, triggerWords } from './rotation-words.ts'
import classes from './rotation.module.css'

/** One rotation: how far it is, what it waits for, what to do about that, and what happened so far. */
export const RotationView = (props: {
  of: Rotation
  detail: RotationDetail | undefined
  settings: Readonly<Record<string, string>>
  actions: RotationActions
}) => {
  const { of, detail, actions } = props
  const services = useRead('listServices', {})
  return (
    <div className={classes.column}>
      <PhaseTrack of={of} />
      <div className={classes.inline}>
        <RotationMark of={of} />
        {of.inFlight !== null && of.inFlight > 0 && (
          <span className={classes.quiet}>{counted(of.inFlight, 'operation')} still on the old key</span>
        )}
        {of.overlapUntil !== null && !of.isOver && (
          <span className={classes.quiet}>
            old key valid at least until <Moment at={of.overlapUntil} />
          </span>
        )}
        {of.nextActionAt !== null && !of.isOver && (
          <span className={classes.quiet}>
            goes on <Ago at={of.nextActionAt} />
          </span>
        )}
      </div>
      <Trouble of={of} />
      {of.commands.includes('new_secret') && (
        <NewSecretForm
          key={of.id}
          of={of}
          service={services.data?.items.find(({ id }) => id === of.key.serviceId)}
          settings={props.settings}
          actions={actions}
        />
      )}
      <Commands of={of} actions={actions} />
      <RotationFacts of={of} />
      {detail && detail.remotes.length > 0 && <Remotes of={detail} />}
      {detail && <Steps of={detail} />}
    </div>
  )
}

/** What went wrong or is waited for, and what a person has to do. */
export const Trouble = ({ of }: { of: Rotation }) => {
  if (of.message === null && of.next === null) return null
  return (
    <Notice
      tone={of.state === 'needs_human' || of.state === 'failed_safe' ? 'bad' : of.next ? 'warning' : 'info'}
      title={of.message ?? of.next ?? ''}
    >
      {of.message !== null && of.next}
    </Notice>
  )
}

export const Commands = (props: { of: Rotation; actions: RotationActions }) => {
  const [asked, setAsked] = useState<AskedCommand | null>(null)
  const offered = props.of.commands.filter((command) => command !== 'new_secret')
  if (offered.length === 0) return null
  return (
    <div className={classes.buttons}>
      {offered.map((command) => (
        <Button
          key={command}
          size="compact-sm"
          variant={command === 'confirm' || command === 'retry' ? 'light' : 'default'}
          onClick={() => setAsked(command)}
        >
          {commandWords[command].button}
          <span className="visually-hidden"> {props.of.key.label}</span>
        </Button>
      ))}
      {asked && (
        <CommandDialog of={props.of} command={asked} actions={props.actions} onClose={() => setAsked(null)} />
      )}
    </div>
  )
}

const RotationFacts = ({ of }: { of: Rotation }) => (
  <Facts>
    <Fact name="Started">
      {triggerWords[of.trigger]}, <Ago at={of.startedAt} />
      {of.reason !== null && `: ${of.reason}`}
    </Fact>
    {of.mode === 'breach' && <Fact name="Mode">After a leak: the old key is ended at once</Fact>}
    {of.toVersion !== null && (
      <Fact name="Versions">
        {of.fromVersion} → {of.toVersion}
      </Fact>
    )}
    {of.tries > 1 && <Fact name="Tries">{of.tries}</Fact>}
    {of.endedAt !== null && (
      <Fact name="Ended">
        <Ago at={of.endedAt} />
      </Fact>
    )}
  </Facts>
)

/** Keys at the service that this rotation made, by name: whatever happens, none is forgotten there. */
export const Remotes = ({ of }: { of: Pick<RotationDetail, 'remotes'> }) => (
  <section aria-label="Keys at the service">
    <h3 className={classes.heading}>Keys at the service</h3>
    <ul className={classes.remotes}>
      {of.remotes.map((remote) => (
        <li key={remote.name} className={classes.inline}>
          <CopyableId id={remote.remoteId ?? remote.name} label="Copy what the service calls it" />
          {remote.remoteId !== null && <span className={classes.quiet}>named {remote.name}</span>}
          <span className={classes.quiet}>{remoteWords[remote.state] ?? remote.state}</span>
        </li>
      ))}
    </ul>
  </section>
)

/** By their e-mail where that is told; an id says nothing to people. */
const actorWords = (actor: string, me: { readonly id: string; readonly email: string }): string => {
  if (actor === me.id || actor === me.email) return 'by you'
  return actor.includes('@') ? `by ${actor}` : 'by somebody else; the audit trail says who'
}

const Steps = ({ of }: { of: RotationDetail }) => {
  const me = useMe()
  return (
    <section aria-label="What happened">
      <h3 className={classes.heading}>What happened</h3>
      <ol className={classes.steps} aria-live={of.isOver ? undefined : 'polite'}>
        {of.steps
          .toSorted((a, b) => b.at.localeCompare(a.at))
          .map((step, index) => (
            <li key={`${step.at} ${step.state} ${of.steps.length - index}`} className={classes.step}>
              <span className={classes.stepText}>
                {step.text}
                {step.actor !== null && (
                  <span className={classes.quiet}> {actorWords(step.actor, me.user)}</span>
                )}
              </span>
              <span className={classes.quiet}>
                <Moment at={step.at} />
              </span>
            </li>
          ))}
      </ol>
    </section>
  )
}
