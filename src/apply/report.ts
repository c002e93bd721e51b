import type { Applied, AppliedStep } from './apply-document.ts'
import type { Step } from './step.ts'

/** A plan as a person reads it: one line per thing, what changes under it. */
export const planLines = (steps: readonly (Step & { note?: string | null })[]): string[] =>
  steps.flatMap((step) => [
    `${step.sign} ${step.subject}${step.sign === '=' && step.details.length > 0 ? `  ${step.details.join(', ')}` : ''}`,
    ...(step.sign === '=' ? [] : step.details.map((detail) => `    ${detail}`)),
    ...(step.note ? [`    note: ${step.note}`] : []),
  ])

const amount = (count: number): string => `${count} ${count === 1 ? 'change' : 'changes'}`

export const appliedLines = (applied: Applied, dryRun: boolean): string[] => {
  if (!applied.ok && 'problems' in applied)
    return [...applied.problems.map((problem) => `error: ${problem}`), 'Nothing was changed.']
  if (!applied.ok)
    return failedLines(applied.steps, applied.failed, `${applied.fault.message} ${applied.fault.next}`)
  const last =
    applied.changes === 0
      ? 'Nothing to change.'
      : dryRun
        ? `${amount(applied.changes)} to make; this was a dry run, nothing was changed.`
        : `${amount(applied.changes)} made.`
  return [...planLines(applied.steps), '', last]
}

const failedLines = (steps: readonly AppliedStep[], failed: Step, message: string): string[] => {
  const made = steps.filter((step) => step.action !== null).length
  return [
    ...planLines(steps),
    `! ${failed.subject}`,
    `    error: ${message}`,
    '',
    `${amount(made)} made before this. Correct it and apply the file again: what is done already stays.`,
  ]
}
