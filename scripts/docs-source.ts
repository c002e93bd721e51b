import { settings } from '../src/config/settings.ts'
import { may, type Permission, permissions, roles } from '../src/contract/permissions.ts'
import { faults } from '../src/kit/fault.ts'
import type { FaultRow } from '../src/kit/fault-row.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { plantedBugs } from '../tests/planted-bugs/bugs.ts'
import { rotationDocument } from './rotation-document.ts'
import { dataTermsDocument } from './data-terms-document.ts'
import { servicesDocument } from './services-document.ts'

/** Documents that repeat what the code says, made from the code: npm run docs writes them, the check compares them. */
export const documents = (): Record<string, string> => ({
  'docs/faults.md': faultsDocument(faults),
  'docs/configuration.md': configurationDocument(),
  'docs/services.md': `${written}\n${servicesDocument(table)}`,
  'docs/data-terms.md': `${written}\n${dataTermsDocument(table)}`,
  'docs/rotation-services.md': `${written}\n${rotationDocument(table)}`,
  'docs/organizations.md': withSection(readDocument('docs/organizations.md'), 'roles', rolesTable()),
  'docs/ledger.md': withSection(readDocument('docs/ledger.md'), 'planted errors', plantedErrors()),
})

const readDocument = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

/** A part of a document that somebody writes. */
const withSection = (document: string, name: string, text: string): string => {
  const [begin, end] = [`<!-- Written by npm run docs: ${name}. -->\n`, `<!-- End of ${name}. -->`]
  const [before, after] = [document.indexOf(begin), document.indexOf(end)]
  if (before < 0 || after < before) throw new Error(`There is no place for ${name}.`)
  return `${document.slice(0, before)}${begin}\n${text}\n\n${document.slice(after)}`
}

const rolesTable = (): string =>
  table(
    ['permission', ...roles],
    (Object.keys(permissions) as Permission[]).map((permission) => [
      `\`${permission}\``,
      ...roles.map((role) => (may(role, permission) ? 'yes' : '')),
    ]),
  )

const plantedErrors = (): string =>
  table(
    ['error', 'what is wrong', 'noticed by'],
    plantedBugs.map(({ id, says, sql, caughtBy }) => [
      `\`${id}\``,
      sql === undefined ? says : `${says} (without the constraints of the schema)`,
      `\`${caughtBy.file}\`: ${caughtBy.test}`,
    ]),
  )

const written = '<!-- Written by npm run docs. Do not edit. -->'

const cell = (text: string): string => text.replaceAll('|', '\\|')

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

export const faultsDocument = (all: Readonly<Record<string, FaultRow>>): string => {
  const rows = Object.entries(all).map(([code, row]) => [
    `\`${code}\``,
    String(row.status),
    row.blame,
    row.retryable ? 'yes' : 'no',
    row.message,
    row.next,
  ])
  return `${written}
# Faults

Every fault that this product reports, by its stable code. On \`/v1\` the code stands where the caller's dialect has one
(OpenAI: \`error.code\`; Anthropic: \`error.code\` beside \`error.type\`), on \`/api\` in \`error.code\`. Blame says who can mend
it: the caller (the request), the operator (this installation), the service (the AI provider) or the gateway (us).

${table(['code', 'status', 'blame', 'try again', 'what was wrong', 'what to do'], rows)}
`
}

const configurationDocument = (): string => {
  const rows = Object.values(settings).map((row) => [
    row.flag === null ? '' : `\`${row.flag}\``,
    `\`${row.environment}\``,
    row.description,
    row.expected,
  ])
  return `${written}
# Configuration

A flag wins over the environment; an empty variable counts as none. A value that cannot be is refused at start, all at
once, with its name. Secrets have no flag: a command line can be read by every user of a machine.

${table(['flag', 'variable', 'what', 'must be'], rows)}

The data directory is \`--data\`, else \`/var/lib/aideon-keys\` for root, else \`$XDG_DATA_HOME/aideon-keys\`
(\`~/.local/share/aideon-keys\`). \`AIDEON_NODE\` makes the launcher use one particular Node.js.
`
}

/** Codes that nothing reports: a row of the table that documents what cannot happen. */
export const unusedCodes = (codes: readonly string[], sources: readonly string[]): string[] =>
  codes.filter((code) => !sources.some((text) => text.includes(`'${code}'`)))
