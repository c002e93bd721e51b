import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { plantedBugs } from './bugs.ts'

const top = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(top, file), 'utf8')

test('each planted error still has its place in the code, and the test that has to notice it is there', () => {
  const problems = plantedBugs.flatMap(({ id, edits, caughtBy }) => [
    ...edits
      .filter(({ file, find }) => read(file).split(find).length !== 2)
      .map(({ file, find }) => `${id}: not once in ${file}: ${find}`),
    ...(read(caughtBy.file).includes(caughtBy.test) ? [] : [`${id}: no test "${caughtBy.test}"`]),
  ])
  expect(problems).toEqual([])
  expect(new Set(plantedBugs.map(({ id }) => id)).size).toBe(plantedBugs.length)
})
