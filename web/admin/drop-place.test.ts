import { expect, test } from 'vitest'
import { type LaneBox, placeAt } from './drop-place.ts'

/** Primary with two rows of 50 px, an empty Secondary, Tertiary with one. */
const lanes: readonly LaneBox[] = [
  {
    priority: 1,
    top: 0,
    bottom: 100,
    rows: [
      { id: 'a', top: 0, bottom: 50 },
      { id: 'b', top: 50, bottom: 100 },
    ],
  },
  { priority: 2, top: 100, bottom: 140, rows: [] },
  { priority: 3, top: 140, bottom: 190, rows: [{ id: 'c', top: 140, bottom: 190 }] },
]

test.each([
  [10, { priority: 1, index: 0 }],
  [60, { priority: 1, index: 1 }],
  [90, { priority: 1, index: 2 }],
  [120, { priority: 2, index: 0 }],
  [150, { priority: 3, index: 0 }],
])('held at %i, a key from below goes between the rows whose middles are around it', (y, place) => {
  expect(placeAt(y, lanes, 'c')).toEqual(place)
})

test('the held row itself is not counted, so over its own place nothing changes', () => {
  expect(placeAt(30, lanes, 'a')).toEqual({ priority: 1, index: 0 })
  expect(placeAt(60, lanes, 'a')).toEqual({ priority: 1, index: 0 })
})

test('a little above or below counts as the first and the last lane; further away is no place', () => {
  expect(placeAt(-40, lanes, 'c')).toEqual({ priority: 1, index: 0 })
  expect(placeAt(230, lanes, 'a')).toEqual({ priority: 3, index: 1 })
  expect(placeAt(-80, lanes, 'c')).toBeNull()
  expect(placeAt(280, lanes, 'c')).toBeNull()
  expect(placeAt(10, [], 'c')).toBeNull()
})
