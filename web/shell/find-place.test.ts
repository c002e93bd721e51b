import type { Icon } from '@tabler/icons-react'
import { expect, test } from 'vitest'
import { findAims, whereIs } from './find-place.ts'
import { roles } from '../../src/contract/permissions.ts'
import { type Area, areasFor, type Place } from './places.ts'

const icon = null as unknown as Icon
const entry = (label: string, ...places: Place[]) => ({ label, icon, places })

const areas: readonly Area[] = [
  {
    label: 'Mine',
    groups: [
      { entries: [entry('Overview', { to: '/', label: 'Overview' })] },
      {
        label: 'Keys',
        entries: [
          entry(
            'Services',
            { to: '/services', label: 'Services', also: '/keys' },
            { to: '/key-hygiene', label: 'Key hygiene', words: 'unused' },
          ),
        ],
      },
    ],
  },
  {
    label: 'Platform',
    groups: [
      {
        entries: [
          entry('Overview', { to: '/admin', label: 'Overview' }),
          entry('System keys', { to: '/admin/system-keys', label: 'System keys', words: 'pool' }),
        ],
      },
    ],
  },
]
const labels = (text: string) => findAims(areas, text).map(({ place }) => place.to)

test('an address is where its page is, also that of a row of it; an unknown one is nowhere', () => {
  const at = (path: string) => {
    const here = whereIs(areas, path)
    return here && `${here.area.label}, ${here.entry.label}, ${here.place.label}`
  }
  expect(at('/')).toBe('Mine, Overview, Overview')
  expect(at('/key-hygiene')).toBe('Mine, Services, Key hygiene')
  expect(at('/keys/1')).toBe('Mine, Services, Services')
  expect(at('/admin')).toBe('Platform, Overview, Overview')
  expect(at('/admin/system-keys')).toBe('Platform, System keys, System keys')
  expect(at('/services-of-others')).toBe(null)
  expect(at('/admin/nothing')).toBe(null)
})

test('what begins like the letters comes first, then words of the name, then what it is about', () => {
  expect(labels('key')).toEqual(['/key-hygiene', '/admin/system-keys', '/services'])
  expect(labels(' UNUSED ')).toEqual(['/key-hygiene'])
  expect(labels('platform pool')).toEqual(['/admin/system-keys'])
  expect(labels('nowhere')).toEqual([])
  expect(labels('')).toHaveLength(5)
})

const placesOf = (role: (typeof roles)[number], isEmbedded = false) => {
  const organization = {
    id: '',
    name: 'Acme',
    kind: 'company' as const,
    controlPolicy: 'user_control' as const,
    criticalServices: [],
    systemKeysAllowed: true,
    lockedFallback: null,
    allowed: null,
  }
  const areas = areasFor({ role, organization, isPlatformAdministrator: false }, isEmbedded)
  return areas.flatMap(({ groups }) =>
    groups.flatMap(({ entries }) => entries.flatMap(({ places }) => places.map(({ to }) => to))),
  )
}

test('nobody is led to a page on which their role may do nothing', () => {
  const without = (to: string) => roles.filter((role) => !placesOf(role).includes(to))
  expect(without('/')).toEqual([])
  expect(without('/operations')).toEqual([])
  expect(without('/access-tokens')).toEqual(['auditor'])
  expect(without('/members')).toEqual(['member'])
  expect(without('/admin')).toEqual([...roles])
})

test('inside another application nobody is led to alerts, which are not shown there', () => {
  const missing = placesOf('member').filter((to) => !placesOf('member', true).includes(to))
  expect(missing).toEqual(['/alerts'])
})
