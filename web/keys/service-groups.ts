import type { Service } from '../../src/contract/service-keys.ts'

export interface ServiceGroup {
  readonly group: string
  readonly services: readonly Service[]
}

/** What people look for a service under, the first that fits. */
const groups: readonly (readonly [group: string, has: (service: Service) => boolean])[] = [
  ['Cloud accounts', (service) => service.settingFields.length > 0],
  ['Your own server', (service) => service.needsBaseUrl && service.tasks.includes('chat')],
  ['Language models', (service) => service.tasks.includes('chat')],
  ['Images and video', ({ tasks }) => tasks.includes('image') || tasks.includes('video')],
  ['Speech', ({ tasks }) => tasks.includes('speech') || tasks.includes('transcription')],
  ['Search and other', () => true],
]
const inOrder = [
  'Language models',
  'Cloud accounts',
  'Your own server',
  'Images and video',
  'Speech',
  'Search and other',
]

/** Services that may get a key, those that the pasted key looks like first. */
export const groupServices = (
  services: readonly Service[],
  recognized: readonly Service[],
): readonly ServiceGroup[] => {
  const open = services.filter((service) => service.enabled)
  const alike = open.filter((service) => recognized.includes(service))
  const others = open.filter((service) => !alike.includes(service))
  const groupOf = (service: Service) => groups.find(([, has]) => has(service))?.[0]
  return [
    { group: 'Looks like a key of', services: alike },
    ...inOrder.map((group) => ({ group, services: others.filter((service) => groupOf(service) === group) })),
  ].filter((each) => each.services.length > 0)
}
