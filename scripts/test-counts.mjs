// Prints "N passed, N failed[, N skipped]" from vitest's report; fails when a test failed or none ran. Plain JavaScript
// for Node 20, as .ci/run calls it.
import { readFileSync } from 'node:fs'

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

const { testResults } = read(process.argv[2])
const tests = testResults.flatMap((file) => file.assertionResults)
const count = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length
// A file that could not be loaded has no tests to fail.
const brokenFiles = testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
for (const file of brokenFiles) console.log(`failed to run: ${file.name}`)

const passed = count('passed')
const failed = count('failed') + brokenFiles.length
const skipped = count('skipped', 'pending', 'todo', 'disabled')
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1
