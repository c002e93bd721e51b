import type { SimulatedTask } from './midjourney.ts'
import { digestOf } from './text.ts'

/** A task as the server shows it at an instant. */
export const taskOf = (task: SimulatedTask, at: number) => {
  const share = Math.min(1, (at - task.submittedAt) / task.takesMs)
  const isDone = share >= 1 && !task.waitsForModal
  const hasBegun = share >= 0.1
  const status = isDone ? (task.fails ? 'FAILURE' : 'SUCCESS') : hasBegun ? 'IN_PROGRESS' : 'SUBMITTED'
  const isMade = isDone && !task.fails
  return {
    id: task.id,
    action: task.action,
    status: task.waitsForModal ? 'MODAL' : status,
    prompt: task.prompt,
    promptEn: task.prompt,
    description: `/${task.action.toLowerCase()} ${task.prompt}`,
    state: task.state,
    submitTime: task.submittedAt,
    startTime: hasBegun ? task.submittedAt + 1 : null,
    finishTime: isDone ? task.submittedAt + task.takesMs : null,
    progress: task.waitsForModal ? '0%' : `${Math.floor(share * 100)}%`,
    imageUrl: isMade ? `https://example.com/simulated/${task.id}.png` : null,
    failReason: isDone && task.fails ? task.failReason : null,
    properties: { finalPrompt: task.prompt, discordInstanceId: 'demo-account' },
    buttons: isMade
      ? buttonsOf(task).map(({ customId, label }) => ({ customId, emoji: '', label, type: 2, style: 2 }))
      : [],
  }
}

interface Button {
  readonly customId: string
  readonly label: string
  readonly action: string
  readonly index: number
}

const fourOf = (name: string, label: string, action: string, job: string): Button[] =>
  [1, 2, 3, 4].map((index) => ({
    customId: `MJ::JOB::${name}::${index}::${job}`,
    label: `${label}${index}`,
    action,
    index,
  }))

/** What Discord shows below a finished image. */
export const buttonsOf = (task: SimulatedTask): Button[] => {
  const job = digestOf(task.id).slice(0, 12)
  if (task.action === 'UPSCALE')
    return [{ customId: `MJ::CustomZoom::${job}`, label: 'Custom Zoom', action: 'ZOOM', index: 0 }]
  return [
    ...fourOf('upsample', 'U', 'UPSCALE', job),
    ...fourOf('variation', 'V', 'VARIATION', job),
    { customId: `MJ::JOB::reroll::0::${job}::SOLO`, label: '🔄', action: 'REROLL', index: 0 },
  ]
}
