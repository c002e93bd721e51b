import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

test('every link within the documents, and every document that code names, exists', () => {
  const missing: string[] = []
  for (const file of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    const links = [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      (match) => match[1] as string,
    )
    for (const link of links)
      if (!existsSync(join(root, dirname(file), link))) missing.push(`${file}: ${link}`)
  }
  const sources = globSync(
    ['{src,web,simulator,scripts,tests}/**/*.{ts,tsx,mjs,sql}', 'migrations/*.sql', 'bin/*'],
    { cwd: root },
  )
  for (const file of sources)
    for (const [path] of read(file).matchAll(/\bdocs\/[\w/.-]+\.md\b/g))
      if (!existsSync(join(root, path))) missing.push(`${file}: ${path}`)
  expect(missing).toEqual([])
})
