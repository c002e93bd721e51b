import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const document = readFileSync(join(root, 'docs/security-checks.md'), 'utf8')

interface Check {
  id: string
  file: string
  name: string
}
const checks: Check[] = [
  ...document.matchAll(/^\| (\d+\.\d+\.\d+) \| [12] \| .+? \| \[`([^`]+)`\]\(\.\.\/\2\): (.+) \|$/gm),
].map(([, id, file, name]) => ({ id, file, name }) as Check)

/** A name stands in quotes after test, test.each(…) or describe. */
const hasTest = ({ file, name }: Check): boolean => {
  const path = join(root, file)
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8')
  return [`'${name}'`, `\`${name}\``, `"${name}"`].some((quoted) => text.includes(quoted))
}

test('every check names a test that exists', () => {
  expect(checks.length).toBeGreaterThan(70)
  expect(checks.filter((check) => !hasTest(check))).toEqual([])
  expect(hasTest({ id: '1.1.1', file: 'tests/shell.db.test.ts', name: 'nothing of the kind' })).toBe(false)
})

test('every row of the table is read, and what is not met is not claimed, but for the half that is', () => {
  const [table, missing] = document.split('## Not met') as [string, string]
  const rows = table.split('\n').filter((line) => /^\| \d/.test(line))
  expect(rows).toHaveLength(checks.length)
  const notMet = [...missing.matchAll(/^\| ([\d., ]+) \|/gm)].flatMap(([, ids]) =>
    (ids as string).split(', '),
  )
  const both = notMet.filter((id) => checks.some((check) => check.id === id))
  // Where a list is given; by whoever sets one up; over https; what browsers show; the audit trail.
  expect(both).toEqual(['6.2.4', '6.2.12', '6.3.3', '3.3.1', '3.4.4', '3.4.6', '16.4.3'])
})

test('SECURITY.md points to documents that are there', () => {
  const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')
  const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path as string)
  expect(links.length).toBeGreaterThan(5)
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
