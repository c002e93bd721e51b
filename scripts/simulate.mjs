/**
 * npm run simulate -- [--seed N] [--minutes M] [--seconds S] [--gateways N] [--owed EDGES]: gateways, workers and the database are killed at edges drawn from the seed,
 * and an independent checker looks during and after. Runs one seed after the other until the time is over; exits 1 at the
 * first that fails.
 */
import { parseArgs } from 'node:util'
import { everyStep } from '../tests/simulation/lives.ts'
import { simulate } from '../tests/simulation/simulation.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    // Of each seed.
    seconds: { type: 'string', default: '60' },
    gateways: { type: 'string', default: '2' },
    // Edges to begin with, as `commit paid,commit notice`.
    owed: { type: 'string', default: '' },
  },
})
const until = performance.now() + Number(values.minutes) * 60_000
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
let seed = first
let last = first
const reached = []
/** From the fourth seed on what those before have not met comes first. */
const owedAt = (seed) =>
  seed === first
    ? values.owed.split(',').filter((step) => everyStep.includes(step))
    : seed - first < 3
      ? []
      : everyStep.filter((step) => !isReached(step))
const isReached = (step) => reached.some((kill) => kill.split(':')[1] === step)
do {
  const seconds = Math.min(Number(values.seconds), Math.max(10, (until - performance.now()) / 1000))
  console.log(`seed ${seed}, ${seconds.toFixed(0)} s`)
  const owed = owedAt(seed)
  const { problems, kills, operations, news } = await simulate({
    seed,
    seconds,
    owed,
    gateways: Number(values.gateways),
    longestLifeMs: 20_000,
    log: (line) => console.log(`  ${line}`),
  })
  console.log(
    `  ${operations} whole replies, ${news} purchases and refunds, ${kills.length} lives, ${problems.length} problems`,
  )
  last = seed
  reached.push(...kills.filter((kill) => !kill.endsWith('(not reached)')))
  for (const problem of problems) console.log(`  PROBLEM  ${problem}`)
  if (problems.length > 0) {
    console.log(
      `\nAgain: npm run simulate -- --seed ${seed}${owed.length > 0 ? ` --owed '${owed.join(',')}'` : ''}`,
    )
    process.exitCode = 1
    break
  }
  seed = (seed + 1) % 2 ** 31
} while (performance.now() < until)
const times = everyStep.map((step) => [step, reached.filter((kill) => kill.split(':')[1] === step)])
const met = times.filter(([, kills]) => kills.length > 0).length
console.log(
  `\nSeeds ${first} to ${last}: ${reached.length} killed at ${met} of ${everyStep.length} edges, at`,
)
for (const [edge, kills] of times.toSorted((a, b) => b[1].length - a[1].length)) {
  const at = ['before', 'sent', 'after'].map((phase) => kills.filter((kill) => kill.startsWith(phase)).length)
  console.log(
    `  ${String(kills.length).padStart(4)}  ${edge} (before ${at[0]}, sent ${at[1]}, after ${at[2]})`,
  )
}
// Children that a failure left behind end with this process.
process.exit()
