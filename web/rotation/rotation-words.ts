import type { KeyRotation, KeyVersion, Rotation, RotationState } from '../../src/contract/rotation.ts'
import type { Tone } from '../ui/mark.tsx'
import { counted } from '../ui/format.ts'

interface StateWords {
  readonly text: string
  readonly tone: Tone
}

const running = (text: string): StateWords => ({ text, tone: 'shared' })

/** Every state of a rotation in words, and how much it wants to be looked at. */
export const stateWords: Readonly<Record<RotationState, StateWords>> = {
  scheduled: { text: 'Scheduled', tone: 'quiet' },
  intended: running('Making a new key'),
  created: running('New key made'),
  stored: running('Proving the new key'),
  proven: running('New key proven'),
  promoted: running('New key in use'),
  draining: running('Old key draining'),
  disabling: running('Switching the old key off'),
  disabled: running('Old key off'),
  revoking: running('Deleting the old key'),
  done: { text: 'Done', tone: 'own' },
  withdrawing: running('Taking the key out of use'),
  asked: { text: 'Waiting for the new key', tone: 'credits' },
  confirming: { text: 'Waiting for confirmation', tone: 'credits' },
  recovering: running('Finding out what happened'),
  cleaning: running('Cleaning up'),
  needs_human: { text: 'Needs a person', tone: 'bad' },
  rolling_back: running('Rolling back'),
  leaving: running('Ending the new key'),
  rolled_back: { text: 'Rolled back', tone: 'quiet' },
  failed_safe: { text: 'Stopped, old key in use', tone: 'bad' },
  abandoned: { text: 'Abandoned', tone: 'quiet' },
}

/** What a rotation goes through, as few as one can take in at a glance. */
export const phases = ['New key', 'Proven', 'In use', 'Overlap', 'Old key ended'] as const

const phaseOfState: Partial<Record<RotationState, number>> = {
  scheduled: 0,
  asked: 0,
  intended: 0,
  recovering: 0,
  created: 1,
  stored: 1,
  proven: 2,
  promoted: 3,
  draining: 3,
  disabling: 4,
  disabled: 4,
  revoking: 4,
  confirming: 4,
  done: 5,
}

/** How many phases are behind it; the side states say by what they have done already. */
export const phaseOf = (rotation: Pick<Rotation, 'state' | 'promotedAt' | 'toVersion'>): number =>
  phaseOfState[rotation.state] ?? (rotation.promotedAt !== null ? 3 : rotation.toVersion !== null ? 1 : 0)

/** Whether it goes on by itself, waits for somebody, or is over. */
export const standOf = (
  rotation: Pick<Rotation, 'state' | 'isOver'>,
): 'runs' | 'waits' | 'stopped' | 'done' => {
  if (rotation.state === 'done') return 'done'
  if (rotation.isOver) return 'stopped'
  return ['needs_human', 'asked', 'confirming', 'failed_safe'].includes(rotation.state) ? 'waits' : 'runs'
}

export const versionWords: Readonly<Record<KeyVersion['state'], StateWords>> = {
  next: { text: 'Next', tone: 'shared' },
  current: { text: 'In use', tone: 'own' },
  retiring: { text: 'Going', tone: 'credits' },
  retired: { text: 'Ended', tone: 'quiet' },
}

export const triggerWords: Readonly<Record<Rotation['trigger'], string>> = {
  schedule: 'By schedule',
  person: 'By hand',
  breach: 'After a leak',
}

export const remoteWords: Readonly<Record<string, string>> = {
  intended: 'May exist; being looked for',
  exists: 'Exists',
  in_use: 'In use',
  deleted: 'Deleted',
  absent: 'Was never made',
  left_to_person: 'Left to a person',
}

/** `36 hours`, `2 days`, `15 minutes`: the largest unit that keeps it whole. */
export const spanWords = (seconds: number): string => {
  if (seconds === 0) return 'none'
  if (seconds % 86_400 === 0) return counted(seconds / 86_400, 'day')
  if (seconds % 3600 === 0) return counted(seconds / 3600, 'hour')
  if (seconds % 60 === 0) return counted(seconds / 60, 'minute')
  return counted(seconds, 'second')
}

/** When a key is rotated, as it holds in the end. */
export const scheduleWords = (of: Pick<KeyRotation, 'effective' | 'automatic'>): string => {
  const { everyDays, overlapSeconds } = of.effective
  const overlap = overlapSeconds === null ? '' : `, overlap ${spanWords(overlapSeconds)}`
  if (everyDays === null) return `No schedule${overlap}`
  return `${of.automatic ? 'Every' : 'Reminder every'} ${counted(everyDays, 'day')}${overlap}`
}
