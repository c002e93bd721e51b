import { useRead } from '../data/queries.ts'

const mostNamed = 3

/** Who decides what members may use; null until that is known. */
export const useDeciders = (): string | null => {
  const items = useRead('listDeciders', {}).data?.items ?? []
  if (items.length === 0) return null
  const names = items.slice(0, mostNamed).map(({ name, email }) => `${name} (${email})`)
  return names.join(', ') + (items.length > mostNamed ? ' and others' : '')
}
