import type { ImportLine, ImportResult } from '../../src/contract/key-hygiene.ts'

/** What a person decided about a line of the file. */
export interface Choice {
  readonly isChosen: boolean
  readonly serviceId: string | null
}

/** A line that could be imported as it is, and is not stored yet, is chosen at first. */
export const firstChoices = (lines: readonly ImportLine[]): Readonly<Record<number, Choice>> =>
  Object.fromEntries(
    lines.map((line) => [
      line.line,
      {
        isChosen: line.serviceId !== null && line.problem === null && !line.isStored,
        serviceId: line.serviceId,
      },
    ]),
  )

/** A line can be sent once it has a service; what else is wrong with it is told by the service's check. */
export const canChoose = (line: ImportLine, choice: Choice | undefined): boolean =>
  choice?.serviceId != null && (line.problem === null || line.serviceId !== choice.serviceId)

export const linesToSend = (
  lines: readonly ImportLine[],
  choices: Readonly<Record<number, Choice>>,
): { line: number; lastFour: string; serviceId: string; label?: string }[] =>
  lines.flatMap((line) => {
    const choice = choices[line.line]
    return choice?.isChosen && choice.serviceId !== null && canChoose(line, choice)
      ? [{ line: line.line, lastFour: line.lastFour, serviceId: choice.serviceId }]
      : []
  })

/** `3 added, 1 already there, 1 refused`. */
export const resultWords = (results: readonly ImportResult[]): string => {
  const of = (outcome: ImportResult['outcome']) => results.filter((each) => each.outcome === outcome).length
  return [
    `${of('added')} added`,
    ...(of('already') > 0 ? [`${of('already')} already there`] : []),
    ...(of('refused') > 0 ? [`${of('refused')} refused`] : []),
  ].join(', ')
}
