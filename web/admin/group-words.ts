import { type GroupTask, groupTask } from '../../src/contract/groups.ts'

const tasks: Readonly<Record<GroupTask, string>> = {
  chat: 'Chat',
  embedding: 'Embeddings',
  image: 'Images',
  speech: 'Speech',
  transcription: 'Transcription',
  moderation: 'Moderation',
  rerank: 'Ranking',
  video: 'Video',
}

export const taskName = (task: string): string => tasks[task as GroupTask] ?? task
export const taskChoices = groupTask.options.map((value) => ({ value, label: tasks[value] }))

export const origins = {
  shipped: 'Shipped',
  changed: 'Changed here',
  own: 'Own',
  removed: 'Removed',
} as const

/** The name of a group that is being made: no group can have it. */
export const newGroup = 'new!'
