/** Writes the documents that are made from code (npm run docs). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents } from './docs-source.ts'

for (const [path, text] of Object.entries(documents())) {
  writeFileSync(join(import.meta.dirname, '..', path), text)
  console.log(path)
}
