import { describe, expect, test } from 'vitest'
import { compare, defaultTolerance, type OurLine } from './compare.ts'
import { dollars, type ExportLine, readServiceExport } from './service-export.ts'

const line = (more: Partial<ExportLine>): ExportLine => ({
  day: '2026-11-01',
  model: 'gpt-4o',
  requests: null,
  inputTokens: null,
  cachedInputTokens: null,
  outputTokens: null,
  costNanoUsd: null,
  ...more,
})
const start = Date.parse('2026-11-01T00:00:00Z') / 1000

describe('exports as services write them', () => {
  test('OpenAI’s usage API: pages of buckets, hours added up to days, cached tokens within the input', () => {
    const result = {
      object: 'organization.usage.completions.result',
      model: 'gpt-4o',
      num_model_requests: 5,
      input_tokens: 1000,
      input_cached_tokens: 800,
      output_tokens: 500,
      project_id: null,
    }
    const page = (at: number, more: boolean) => ({
      object: 'page',
      data: [{ object: 'bucket', start_time: at, end_time: at + 3600, results: [result] }],
      has_more: more,
    })
    const pages = [page(start, true), page(start + 3600, false)]
    const whole = line({ requests: 10n, inputTokens: 2000n, cachedInputTokens: 1600n, outputTokens: 1000n })
    for (const content of [JSON.stringify(pages), pages.map((one) => JSON.stringify(one)).join('\n')])
      expect(readServiceExport({ format: 'openai_usage', content })).toMatchObject({
        lines: [whole],
        unreadable: [],
      })
    const cut = readServiceExport({ format: 'openai_usage', content: JSON.stringify(pages.slice(0, 1)) })
    expect(cut.unreadable).toEqual(['Its last page says that there are more.'])
  })

  test('OpenAI’s costs API: line items of one model are one amount, exact to the nano-dollar', () => {
    const content = `{"data":[{"start_time":${start},"results":[
      {"amount":{"value":0.1,"currency":"usd"},"line_item":"gpt-4o, input"},
      {"amount":{"value":0.20000000000000001,"currency":"usd"},"line_item":"gpt-4o, output"},
      {"amount":{"value":9007199254.740993,"currency":"usd"},"line_item":"big"},
      {"amount":{"value":1e-9,"currency":"usd"},"line_item":"small"}]}]}`
    expect(readServiceExport({ format: 'openai_costs', content }).lines).toEqual([
      line({ model: 'big', costNanoUsd: 9_007_199_254_740_993_000n }),
      line({ costNanoUsd: 300_000_000n }),
      line({ model: 'small', costNanoUsd: 1n }),
    ])
  })

  test('OpenAI’s dashboard: the files of activity and of cost, days without use left out', () => {
    const usage = `start_time,end_time,start_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens\r\n${start},${start + 86_400},2026-11-01T00:00:00+00:00,3,gpt-4o,10,20,5\r\n${start + 86_400},,2026-11-02T00:00:00+00:00,,,,,\r\n`
    expect(readServiceExport({ format: 'openai_csv', content: usage })).toMatchObject({
      lines: [line({ requests: 3n, inputTokens: 10n, cachedInputTokens: 5n, outputTokens: 20n })],
      unreadable: [],
    })
    const cost = `start_time,amount_value,amount_currency,line_item\n${start},0.8958740000000000,usd,"gpt-4o, input"\n`
    expect(readServiceExport({ format: 'openai_csv', content: cost }).lines).toEqual([
      line({ costNanoUsd: 895_874_000n }),
    ])
  })

  test('Anthropic’s usage report: cache reads and writes are input; its cost report is in cents', () => {
    const usage = {
      uncached_input_tokens: 100,
      cache_read_input_tokens: 40,
      cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 3 },
      output_tokens: 9,
      model: 'claude',
    }
    const bucket = (results: unknown[]) =>
      JSON.stringify({
        data: [{ starting_at: '2026-11-01T00:00:00Z', ending_at: '2026-11-02T00:00:00Z', results }],
        has_more: false,
      })
    expect(readServiceExport({ format: 'anthropic_usage', content: bucket([usage]) }).lines).toEqual([
      line({ model: 'claude', inputTokens: 150n, cachedInputTokens: 40n, outputTokens: 9n }),
    ])
    const cost = { amount: '123.45', currency: 'USD', model: 'claude', cost_type: 'tokens' }
    expect(readServiceExport({ format: 'anthropic_costs', content: bucket([cost]) }).lines).toEqual([
      line({ model: 'claude', costNanoUsd: 1_234_500_000n }),
    ])
  })

  test('any CSV, with the columns that are named, or as their names suggest', () => {
    const content = 'Usage Day,What,How many,Price\n2026-11-01,gpt-4o,"1,200",$1.50\n'
    const mapping = { day: 'Usage Day', model: 'What', requests: 'How many', cost: 'Price' }
    const whole = line({ requests: 1200n, costNanoUsd: 1_500_000_000n })
    expect(readServiceExport({ format: 'csv', content, mapping }).lines).toEqual([whole])
    const named = readServiceExport({
      format: 'csv',
      content: 'date,model,requests,cost_usd\n2026-11-01,gpt-4o,1200,1.5\n',
    })
    expect([named.lines, named.unreadable]).toEqual([[whole], []])
    const wrong = readServiceExport({ format: 'csv', content, mapping: { day: 'Nope' } })
    expect(wrong.unreadable).toEqual(['There is no column “Nope”.'])
  })

  test.each([
    ['2026-02-30,1,1', 'There is no 2026-02-30.'],
    ['2026-11-01T00:00:00,1,1', 'is no day in UTC'],
    ['2026-11-01,-1,1', 'is no count'],
    ['2026-11-01,1.5,1', 'is no count'],
    ['2026-11-01,1,NaN', 'is no amount'],
    ['2026-11-01,1,1,000,00', 'is no amount'],
  ])('a line that cannot be read is told, not guessed: %s', (row, why) => {
    const { unreadable, lines } = readServiceExport({
      format: 'csv',
      content: `date,requests,cost\n${row.replace('1,000,00', '"1,000,0x"')}\n`,
    })
    expect(lines).toEqual([])
    expect(unreadable[0]).toContain(why)
  })

  test('amounts are exact, however they are written', () => {
    expect(dollars('1e-7')).toBe(10n ** 11n)
    expect(dollars('-0.000000000000000001')).toBe(-1n)
    expect(dollars('1,234.5')).toBe(12_345n * 10n ** 17n)
  })
})

const ours = (more: Partial<OurLine>): OurLine => ({
  day: '2026-11-01',
  model: 'gpt-4o',
  requests: 10n,
  inputTokens: 1000n,
  cachedInputTokens: 0n,
  outputTokens: 100n,
  costNanoUsd: 5_000_000n,
  ...more,
})
const exact = { ...defaultTolerance, basisPoints: 0, nanoUsd: '0', dayShift: false }
const nameOf = (model: string) => model.replace(/-\d{4}-\d{2}-\d{2}$/, '')
const differences = (given: Partial<Parameters<typeof compare>[0]>) =>
  compare({ ours: [ours({})], theirs: [], nameOf, tolerance: exact, ...given }).flatMap((row) =>
    row.differences.map(({ metric, difference, explainedBy }) => [
      row.day,
      row.model,
      metric,
      difference,
      explainedBy,
    ]),
  )

describe('a comparison', () => {
  test('finds what only one side knows, in both directions, and leaves out what an export never tells', () => {
    const theirs = [line({ requests: 10n }), line({ model: 'other', requests: 2n })]
    expect(differences({ theirs })).toEqual([['2026-11-01', 'other', 'requests', -2n, null]])
    expect(differences({ theirs: [line({ model: 'other', requests: 2n })] })).toEqual([
      ['2026-11-01', 'gpt-4o', 'requests', 10n, null],
      ['2026-11-01', 'other', 'requests', -2n, null],
    ])
  })

  test('adds up the names of one model, and all models where an export does not tell them apart', () => {
    const theirs = [line({ model: 'gpt-4o-2024-08-06', requests: 4n }), line({ requests: 6n })]
    expect(differences({ theirs })).toEqual([])
    expect(
      differences({ ours: [ours({}), ours({ model: 'b' })], theirs: [line({ model: '', requests: 20n })] }),
    ).toEqual([])
  })

  test('explains exactly what is within the tolerance', () => {
    const theirs = [line({ inputTokens: 1010n })]
    expect(differences({ theirs, tolerance: { ...exact, tokens: 10 } })[0]?.[4]).toBe('tolerance')
    expect(differences({ theirs, tolerance: { ...exact, tokens: 9 } })[0]?.[4]).toBeNull()
    expect(differences({ theirs, tolerance: { ...exact, basisPoints: 100 } })[0]?.[4]).toBe('tolerance')
    expect(differences({ theirs, tolerance: { ...exact, basisPoints: 99 } })[0]?.[4]).toBeNull()
  })

  test('explains what moved over midnight, each day once, and never what does not cancel out', () => {
    const days = ['2026-11-01', '2026-11-02', '2026-11-03']
    const mine = days.map((day) => ours({ day }))
    const theirs = (...counts: bigint[]) =>
      counts.map((requests, index) => line({ day: days[index] ?? '', requests }))
    const shift = { ...exact, dayShift: true }
    const explained = (...counts: bigint[]) =>
      differences({ ours: mine, theirs: theirs(...counts), tolerance: shift }).map((row) => row[4])
    expect(explained(9n, 11n, 10n)).toEqual(['day_shift', 'day_shift'])
    expect(explained(9n, 12n, 10n)).toEqual([null, null])
    expect(explained(9n, 10n, 11n)).toEqual([null, null])
    expect(explained(9n, 11n, 9n)).toEqual(['day_shift', 'day_shift', null])
  })
})
