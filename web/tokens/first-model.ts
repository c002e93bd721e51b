import type { BrowsedModel } from '../../src/contract/models.ts'
import { useRead } from '../data/queries.ts'

/** Every new installation has it; a call of it runs wherever one of its models is served. */
const usual = 'group/fast'

const pick = (models: readonly BrowsedModel[] = []): string | undefined => {
  const served = models.filter(({ servedBy }) => servedBy !== 'not_available')
  return (served.find(({ model }) => model === usual) ?? served[0])?.model
}

/** What an example asks for, so that it works for whoever reads it: a group, or else any model on their keys or credits. */
export const useFirstModel = (options: { enabled: boolean } = { enabled: true }): string => {
  const chat = { task: 'chat', limit: 4 } as const
  const groups = useRead('browseModels', { query: chat }, options)
  const enabled = groups.data !== undefined && pick(groups.data.items) === undefined
  const own = useRead('browseModels', { query: { ...chat, servedBy: 'own_key' } }, { enabled })
  const credits = useRead('browseModels', { query: { ...chat, servedBy: 'credits' } }, { enabled })
  return [groups, own, credits].map(({ data }) => pick(data?.items)).find(Boolean) ?? usual
}
