import type { ReactNode } from 'react'
import type { UsageReport, UsageSums } from '../../src/contract/usage.ts'
import { Credits, Usd } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { changeWords, type Filters } from './usage-figures.ts'
import type { UsageViewProps } from './usage-view.tsx'

export const UsageStats = (props: UsageViewProps & { usage: UsageReport; within: Filters }) => {
  const { usage, former, within, renderLink } = props
  const { own, system, none } = usage.totals
  const link = (filters: Filters, shown: ReactNode) =>
    renderLink ? <TextLink quiet>{renderLink(filters, shown)}</TextLink> : shown
  const before = former?.totals
  const all = own.operations + system.operations + none.operations
  const allBefore = before && before.own.operations + before.system.operations + before.none.operations
  return (
    <Stats>
      <Stat
        label="Cost on own keys"
        value={link({ ...within, keyOwner: 'own' }, <Usd nanoUsd={own.costNanoUsd} />)}
        note={
          <>
            {notes(
              changeOf(before && changeWords(BigInt(own.costNanoUsd), BigInt(before.own.costNanoUsd))),
              unpriced(own),
            )}
          </>
        }
      />
      <Stat
        label="Credits on system keys"
        value={link({ ...within, keyOwner: 'system' }, <Credits micros={system.creditMicros} />)}
        note={notes(
          changeOf(before && changeWords(BigInt(system.creditMicros), BigInt(before.system.creditMicros))),
        )}
      />
      <Stat
        lead
        label="Operations"
        value={link(within, count(all))}
        note={notes(
          changeOf(allBefore === undefined ? undefined : changeWords(all, allBefore)),
          `${count(own.operations)} own, ${count(system.operations)} system${none.operations > 0 ? `, ${count(none.operations)} without a key` : ''}`,
        )}
      />
    </Stats>
  )
}

/** `undefined`: there is nothing to compare with. */
const changeOf = (words: string | null | undefined): string | null =>
  words === undefined ? null : (words ?? 'nothing before, too')

const unpriced = (sums: UsageSums): string | null =>
  sums.unpricedOperations > 0
    ? `${counted(sums.unpricedOperations, 'operation has', 'operations have')} no known price`
    : null

const notes = (...parts: readonly (string | null)[]): string => {
  const said = parts.filter((part) => part !== null)
  return said.length === 0 ? 'In this period' : said.join('; ')
}
