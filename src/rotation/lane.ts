import type { ServiceKeyView } from '../keys/keys.ts'

/**
 * Keys of one service and priority stand in for each other. While one of them is rotated another one that works stays
 * untouched, if there is another one at all.
 */
export const leavesLaneEmpty = (
  keys: readonly Pick<ServiceKeyView, 'id' | 'serviceId' | 'priority' | 'status'>[],
  underWay: ReadonlySet<string>,
  key: Pick<ServiceKeyView, 'id' | 'serviceId' | 'priority'>,
): boolean => {
  const others = keys.filter(
    ({ id, serviceId, priority, status }) =>
      id !== key.id && serviceId === key.serviceId && priority === key.priority && status === 'active',
  )
  return others.length > 0 && others.every(({ id }) => underWay.has(id))
}
