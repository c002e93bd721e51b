import { dataRegions } from '../src/contract/data-regions.ts'
import { dataFacts, type DataTerms } from '../src/services/data-terms.ts'
import { services } from '../src/services/registry.ts'

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string

const training: Record<DataTerms['training'], string> = {
  no: 'not unless the account opts in',
  may: 'may, or a key does not tell',
  unknown: 'unknown',
}

export const dataTermsDocument = (table: Table): string => {
  const known = services.filter(({ id }) => dataFacts[id] !== undefined)
  const others = services.filter(({ id }) => dataFacts[id] === undefined)
  return `# Where services process data, and whether they train with it

A [control policy](organizations.md) may allow only some data regions, and only services that do not train models with what they are
sent. Here is what that is decided by: what services say on their own pages, read on 2026-11-23. It holds at a service’s own addresses
over HTTPS only. **What is not known is refused** while a policy restricts it. These are promises of the services, which nobody here can
check; terms of your own contract with one may say more.

Regions: ${Object.values(dataRegions).join(', ')}.

${table(
  ['service', 'region', 'trains models with it', 'says'],
  known.map(({ id, name }) => {
    const { where, training: trains, sources } = dataFacts[id] as (typeof dataFacts)[string]
    return [
      name,
      where,
      typeof trains === 'function' ? 'by address: not in Europe, else may' : training[trains],
      sources.map((source, index) => `[${index + 1}](${source})`).join(' '),
    ]
  }),
)}

Nothing is known of ${others.map(({ name }) => name).join(', ')}.
`
}
