import { IconCircleCheck, IconCircleX, IconClock, IconProgress } from '@tabler/icons-react'
import type { Rerating } from '../../src/contract/reratings.ts'
import { Mark } from '../ui/mark.tsx'

const looks = {
  waiting: { tone: 'credits', icon: IconClock, text: 'Waits for approval' },
  running: { tone: 'shared', icon: IconProgress, text: 'Running' },
  done: { tone: 'own', icon: IconCircleCheck, text: 'Done' },
  denied: { tone: 'quiet', icon: IconCircleX, text: 'Denied' },
} as const

export const ReratingMark = ({ status }: { status: Rerating['status'] }) => {
  const { tone, icon, text } = looks[status]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}
