// Prints "N passed, N failed[, N skipped]" from vitest's report and exit code; fails when a test failed or none ran. Plain
// JavaScript for Node 20, as .ci/run calls it.
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
const failedTests = count('failed') + brokenFiles.length
// It did not start, or an error came from outside any test: the last line must not read as if all were well.
const brokenRun = failedTests === 0 && (process.argv[3] !== '0' || passed === 0)
if (brokenRun) console.log(`failed to run: the test command itself (exit code ${process.argv[3]})`)
const failed = failedTests + (brokenRun ? 1 : 0)
const skipped = count('skipped', 'pending', 'todo', 'disabled')
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1
