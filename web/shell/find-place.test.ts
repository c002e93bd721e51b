import type { Icon } from '@tabler/icons-react'
import { expect, test } from 'vitest'
import { findAims, whereIs } from './find-place.ts'
import type { Area, Place } from './places.ts'

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
