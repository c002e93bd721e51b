import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconClock,
  IconHandStop,
  IconProgress,
  type Icon,
} from '@tabler/icons-react'
import type { KeyVersion, Rotation } from '../../src/contract/rotation.ts'
import { Mark } from '../ui/mark.tsx'
import { standOf, stateWords, versionWords } from './rotation-words.ts'

const icons: Readonly<Record<ReturnType<typeof standOf>, Icon>> = {
  runs: IconProgress,
  waits: IconHandStop,
  stopped: IconCircleDashed,
  done: IconCircleCheck,
}

/** How a rotation stands. */
export const RotationMark = (props: { of: Pick<Rotation, 'state' | 'isOver'>; plain?: boolean }) => {
  const { text, tone } = stateWords[props.of.state]
  const icon =
    tone === 'bad' ? IconAlertTriangle : props.of.state === 'scheduled' ? IconClock : icons[standOf(props.of)]
  return (
    <Mark tone={tone} icon={icon} plain={props.plain ?? true}>
      {text}
    </Mark>
  )
}

export const VersionMark = (props: { state: KeyVersion['state'] }) => {
  const { text, tone } = versionWords[props.state]
  return <Mark tone={tone}>{text}</Mark>
}
