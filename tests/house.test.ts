import { describe, expect, test } from 'vitest'
import { type RuleName, rules, violations } from '../scripts/house-rules.ts'
import { readSources } from '../scripts/sources.ts'

const broken = (path: string, text: string): RuleName[] =>
  violations([{ path, text }]).map(({ rule }) => rule)

describe('the rules of the house', () => {
  test('hold in every source file', () => {
    const sources = readSources()
    expect(sources.length).toBeGreaterThan(100)
    const found = violations(sources)
    const report = found.map(({ path, rule, detail }) => `${path}: ${rule} (${detail}). ${rules[rule]}`)
    expect(report).toEqual([])
  })

  test('every room answers once: of two answers to one endpoint the first would be lost without a word', () => {
    const [api] = readSources(['src/http']).filter(({ path }) => path === 'src/http/api.ts')
    const answers = api?.text.match(/^ {2}\.\.\.\w+Api\(/gm) ?? []
    expect(answers.length).toBeGreaterThan(20)
    expect(answers).toEqual([...new Set(answers)])
  })

  // Planted sources: a rule that cannot fail proves nothing.
  test.each<[RuleName, string, string]>([
    ['direction', 'src/kit/money.ts', `import { grant } from '../ledger/ledger.ts'`],
    ['direction', 'src/policy/control.ts', `import type { Serve } from '../gateway/serve.ts'`],
    ['direction', 'src/contract/wire.ts', `export * from '../db/schema.ts'`],
    ['direction', 'src/ledger/ledger.ts', `import { handle } from '../http/handler.ts'`],
    ['direction', 'src/keys/keys.ts', `const api = await import('./api.ts')`],
    ['direction', 'src/attic/attic.ts', `import { newId } from '../kit/id.ts'`],
    ['store', 'src/insights/insights.ts', `import { readGrants } from '../ledger/store.ts'`],
    ['store', 'src/insights/insights.ts', `import { readGrants } from '../ledger/store-reads.ts'`],
    ['store', 'tests/race.test.ts', `import { hold } from "../src/ledger/store.ts"`],
    ['browser', 'web/user/page.tsx', `import { faults } from '../../src/kit/fault.ts'`],
    ['simulator', 'simulator/openai.ts', `import { openai } from '../src/services/openai.ts'`],
    ['product', 'src/http/http.ts', `import { cloneDatabase } from '../../tests/database.ts'`],
    ['environment', 'src/net/outbound.ts', `const proxy = process.env['PROXY']`],
    ['gravity', 'src/ledger/utils.ts', ''],
    ['gravity', 'web/shared/button.tsx', ''],
    ['barrel', 'src/ledger/index.ts', ''],
    ['size', 'src/ledger/ledger.ts', 'x\n'.repeat(501)],
    ['log', 'src/net/outbound.ts', `log.error({ error, id }, 'lost')`],
    ['log', 'src/net/outbound.ts', `log.warn({ id, error: cause }, 'lost')`],
    ['name', 'src/ledger/creditLedger.ts', ''],
    ['outbound', 'src/keys/prove.ts', `import { request } from 'undici'`],
    ['outbound', 'src/keys/prove.ts', `import { request } from 'node:https'`],
    ['outbound', 'src/keys/prove.ts', `import { type Server, get } from 'node:http'`],
    ['outbound', 'src/keys/prove.ts', `import { connect } from 'node:net'`],
    ['outbound', 'src/keys/prove.ts', `import { lookup } from 'node:dns/promises'`],
    ['outbound', 'src/keys/prove.ts', `const reply = await fetch(url)`],
    ['outbound', 'src/keys/prove.ts', `return globalThis.fetch(url)`],
    ['outbound', 'src/alerts/deliver.ts', `import { createTransport } from 'nodemailer'`],
  ])('%s can be broken in %s (case %#)', (rule, path, text) => {
    expect(broken(path, text)).toContain(rule)
  })

  test.each([
    ['src/ledger/ledger.ts', `import { insert } from './store.ts'\nimport { newId } from '../kit/id.ts'`],
    ['src/ledger/api.ts', `import { handle } from '../http/handler.ts'`],
    ['src/ledger/ledger.db.test.ts', `import { cloneDatabase } from '../../tests/database.ts'`],
    ['src/dialects/openai.ts', `import type { TokenUsage } from '../metering/usage.ts'`],
    ['web/user/page.tsx', `import { wire } from '../../src/contract/wire.ts'`],
    ['src/net/outbound.ts', `log.error({ err: error, id }, 'told')`],
    ['src/gateway/listener.ts', `import { createServer, type Server } from 'node:http'`],
    ['src/net/address.ts', `import { BlockList, isIP } from 'node:net'`],
    ['src/services/fal.ts', `const call = ({ fetch }: Parts) => fetch(url)`],
    ['src/keys/secret.ts', '// nothing imported, as in a comment about utils'],
  ])('%s may import what is below it (case %#)', (path, text) => {
    expect(broken(path, text)).toEqual([])
  })
})
