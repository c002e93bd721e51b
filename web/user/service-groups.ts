import type { Coverage, Service } from '../../src/contract/service-keys.ts'
import { taskName } from '../data/words.ts'
import type { Tone } from '../ui/mark.tsx'

export type CoverageStatus = Coverage['status']

/** In the order in which they matter to whoever looks: what works without credits first. */
export const standings: readonly { status: CoverageStatus; label: string; words: string; tone: Tone }[] = [
  { status: 'own_key', label: 'Own key', words: 'Calls cost no credits.', tone: 'own' },
  {
    status: 'alternative',
    label: 'Alternative',
    words: 'Calls go to the same model at a service where you have a key.',
    tone: 'shared',
  },
  {
    status: 'system_credits',
    label: 'Credits',
    words: 'Calls run on system keys and cost credits.',
    tone: 'credits',
  },
  {
    status: 'not_covered',
    label: 'Not covered',
    words: 'Calls are refused. Add a key to use one.',
    tone: 'quiet',
  },
  {
    status: 'keys_only',
    label: 'Keys only',
    words: 'Keys can be kept and checked here; calls are not possible.',
    tone: 'quiet',
  },
]

export interface ServiceFilters {
  readonly q?: string | undefined
  readonly status?: CoverageStatus | undefined
  readonly task?: string | undefined
}

export const matchingServices = (services: readonly Service[], filters: ServiceFilters): Service[] => {
  const parts = (filters.q ?? '').toLowerCase().split(/\s+/)
  return services.filter(
    ({ id, name, tasks, coverage }) =>
      parts.every((part) => name.toLowerCase().includes(part) || id.includes(part)) &&
      (filters.status === undefined || coverage.status === filters.status) &&
      (filters.task === undefined || tasks.includes(filters.task)),
  )
}

export interface ServiceGroup {
  readonly key: string
  readonly title: string
  readonly words: string | null
  readonly services: readonly Service[]
}

/** By what one can ask for: a service stands under the first of its tasks, which is what it is known for. */
const byTask = (services: readonly Service[]): ServiceGroup[] =>
  tasksOf(services)
    .map((task) => ({
      key: task,
      title: taskName(task),
      words: null,
      services: services.filter(({ tasks }) => (tasks[0] ?? 'other') === task),
    }))
    .filter((group) => group.services.length > 0)

const byStatus = (services: readonly Service[]): ServiceGroup[] =>
  standings
    .map(({ status, label, words }) => ({
      key: status,
      title: label,
      words,
      services: services.filter(({ coverage }) => coverage.status === status),
    }))
    .filter((group) => group.services.length > 0)

export const serviceGroups = (services: readonly Service[], by: 'status' | 'task'): ServiceGroup[] =>
  by === 'task' ? byTask(services) : byStatus(services)

/** Every task that occurs, in the order of its first occurrence. */
export const tasksOf = (services: readonly Service[]): string[] => [
  ...new Set(services.flatMap(({ tasks }) => (tasks.length > 0 ? tasks : ['other']))),
]
