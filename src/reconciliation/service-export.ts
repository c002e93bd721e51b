import type { ColumnMapping, ServiceExportFormat } from '../contract/reconciliation.ts'
import { parseCsv } from './csv.ts'
import { parseExactJson } from './exact-json.ts'

/** What a service says was used on a day of a model. Null: the export does not tell. */
export interface ExportLine {
  /** In UTC. */
  readonly day: string
  /** As the service writes it; '': it does not tell models apart. */
  readonly model: string
  readonly requests: bigint | null
  /** Cached ones included. */
  readonly inputTokens: bigint | null
  readonly cachedInputTokens: bigint | null
  readonly outputTokens: bigint | null
  readonly costNanoUsd: bigint | null
}

export interface Reading {
  readonly columns: readonly string[]
  readonly mapping: ColumnMapping | null
  /** One for each day and model. */
  readonly lines: readonly ExportLine[]
  /** What could not be read, and why. */
  readonly unreadable: readonly string[]
}

export const countMetrics = ['requests', 'inputTokens', 'cachedInputTokens', 'outputTokens'] as const
export const metrics = [...countMetrics, 'costNanoUsd'] as const
export type Metric = (typeof metrics)[number]

/** A line as it is read; costs in units of 10⁻¹⁸ dollars until all of a day are added up. */
type Draft = { readonly day: string; readonly model: string } & { readonly [M in Metric]?: bigint | null }

class Unreadable extends Error {}
const unreadable = (why: string) => new Unreadable(why)
const largestCount = 2n ** 62n
const mostProblems = 20

export const readServiceExport = (given: {
  readonly format: ServiceExportFormat
  readonly content: string
  readonly mapping?: ColumnMapping | undefined
}): Reading => {
  const { format, content } = given
  if (format === 'csv' || format === 'openai_csv') {
    const [header = [], ...rows] = parseCsv(content)
    const columns = header.map((name) => name.trim())
    const mapping =
      given.mapping ?? (format === 'openai_csv' ? openaiMapping(columns) : likelyMapping(columns))
    if (mapping === null)
      return {
        columns,
        mapping,
        lines: [],
        unreadable: ['No column is known to be the day: map the columns.'],
      }
    const missing = Object.values(mapping).filter((name) => !columns.includes(name))
    if (missing.length > 0)
      return {
        columns,
        mapping,
        lines: [],
        unreadable: missing.map((name) => `There is no column “${name}”.`),
      }
    const filled = rows.filter((row) => row.some((cell) => cell.trim() !== ''))
    return { columns, mapping, ...collect(filled, (row) => draftsOfRow(columns, mapping, row)) }
  }
  return { columns: [], mapping: null, ...readJson(content, jsonReaders[format]) }
}

const collect = <Item>(
  items: readonly Item[],
  draftsOf: (item: Item) => readonly Draft[],
): Pick<Reading, 'lines' | 'unreadable'> => {
  const problems: string[] = []
  const drafts = items.flatMap((item, index) => {
    try {
      return draftsOf(item)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      problems.push(`${index + 1}: ${error.message}`)
      return []
    }
  })
  if (items.length === 0) problems.push('There is nothing in it.')
  return { lines: addUp(drafts), unreadable: problems.slice(0, mostProblems) }
}

/** What no line of a day and model tells is not known; what some tell is their sum. */
const addUp = (drafts: readonly Draft[]): ExportLine[] =>
  [...Map.groupBy(drafts, ({ day, model }) => `${day} ${model}`).values()]
    .map((ofDay) => {
      const [{ day, model }] = ofDay as [Draft]
      const sum = (metric: Metric) =>
        ofDay.reduce<bigint | null>((total, draft) => {
          const value = draft[metric] ?? null
          return value === null ? total : (total ?? 0n) + value
        }, null)
      const cost = sum('costNanoUsd')
      return {
        day,
        model,
        requests: sum('requests'),
        inputTokens: sum('inputTokens'),
        cachedInputTokens: sum('cachedInputTokens'),
        outputTokens: sum('outputTokens'),
        costNanoUsd: cost === null ? null : toNano(cost),
      }
    })
    .toSorted((a, b) => (a.day === b.day ? (a.model < b.model ? -1 : 1) : a.day < b.day ? -1 : 1))

const atto = 18
const perNano = 10n ** 9n
/** Half a nano-dollar is rounded away from zero, once for a day and model. */
const toNano = (value: bigint): bigint =>
  value < 0n ? -((-value + perNano / 2n) / perNano) : (value + perNano / 2n) / perNano

/** A decimal number of dollars, exactly; also with an exponent, as floats are written. */
export const dollars = (text: string, shift = 0): bigint => {
  const match = /^\s*([+-]?)\$?(\d{0,12})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,2}))?\s*$/.exec(
    text.replaceAll(/(?<=\d),(?=\d{3})/g, ''),
  )
  const [, sign, whole = '', fraction = '', exponent = '0'] = match ?? []
  if (match === null || whole + fraction === '') throw unreadable(`“${text.slice(0, 40)}” is no amount.`)
  const places = atto + Number(exponent) + shift - fraction.length
  const digits = BigInt(whole + fraction)
  const value = places >= 0 ? digits * 10n ** BigInt(places) : digits / 10n ** BigInt(-places)
  return sign === '-' ? -value : value
}

const count = (text: string): bigint => {
  const plain = text.trim().replaceAll(/(?<=\d),(?=\d{3})/g, '')
  const match = /^(\d{1,19})(?:\.0+)?$/.exec(plain)
  const value = match === null ? -1n : BigInt(match[1] as string)
  if (value < 0n || value > largestCount) throw unreadable(`“${text.slice(0, 40)}” is no count.`)
  return value
}

/** The day in UTC of an instant, a date, or seconds since 1970. */
const dayOf = (text: string): string => {
  const plain = text.trim()
  if (/^\d{4}-\d{2}-\d{2}$/.test(plain)) return realDay(plain)
  const isEpoch = /^\d{9,10}(\.\d+)?$/.test(plain)
  const isInstant = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?UTC|Z|[+-]\d{2}:?\d{2})$/.test(
    plain,
  )
  const at = isEpoch ? new Date(Number(plain) * 1000) : new Date(plain.replace(' UTC', 'Z').replace(' ', 'T'))
  if ((!isEpoch && !isInstant) || Number.isNaN(at.getTime()))
    throw unreadable(
      `“${plain.slice(0, 40)}” is no day in UTC: 2026-01-31, an instant with its offset, or seconds since 1970.`,
    )
  return at.toISOString().slice(0, 10)
}

const realDay = (day: string): string => {
  const at = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== day)
    throw unreadable(`There is no ${day}.`)
  return day
}

const draftsOfRow = (columns: readonly string[], mapping: ColumnMapping, row: readonly string[]): Draft[] => {
  const cell = (name: string | undefined): string | null => {
    const text = name === undefined ? '' : (row[columns.indexOf(name)] ?? '').trim()
    return text === '' ? null : text
  }
  const countOf = (name: string | undefined) => {
    const text = cell(name)
    return text === null ? null : count(text)
  }
  const day = cell(mapping.day)
  if (day === null) throw unreadable('It has no day.')
  const cost = cell(mapping.cost)
  const values = {
    requests: countOf(mapping.requests),
    inputTokens: countOf(mapping.inputTokens),
    cachedInputTokens: countOf(mapping.cachedInputTokens),
    outputTokens: countOf(mapping.outputTokens),
    costNanoUsd: cost === null ? null : dollars(cost),
  }
  // A day without use, as OpenAI's own files have them.
  if (Object.values(values).every((value) => value === null)) return []
  const currency = cell(columns.find((name) => name === 'amount_currency' || name === 'currency'))
  if (cost !== null) requireDollars(currency)
  return [{ day: dayOf(day), model: modelOfItem(cell(mapping.model) ?? '', mapping.model), ...values }]
}

const requireDollars = (currency: string | null): void => {
  if (currency !== null && currency.toLowerCase() !== 'usd')
    throw unreadable(`Amounts in ${currency.slice(0, 10)} cannot be compared.`)
}

/** `gpt-4o-2024-08-06, input` is about a model; the part after the comma says what of it. */
const modelOfItem = (text: string, column: string | undefined): string =>
  column === 'line_item' ? (text.split(', ')[0] ?? '').trim() : text

/** Files of OpenAI's usage dashboard: activity has tokens and models, cost has amounts and line items. */
const openaiMapping = (columns: readonly string[]): ColumnMapping | null => {
  const has = (name: string) => (columns.includes(name) ? name : undefined)
  const day = has('start_time') ?? has('start_time_iso')
  if (day === undefined) return likelyMapping(columns)
  return withoutMissing({
    day,
    model: has('model') ?? has('line_item'),
    requests: has('num_model_requests'),
    inputTokens: has('input_tokens'),
    cachedInputTokens: has('input_cached_tokens'),
    outputTokens: has('output_tokens'),
    cost: has('amount_value'),
  })
}

const names: Readonly<Record<keyof ColumnMapping, RegExp>> = {
  day: /^(day|date|usage_date|start_time|start_time_iso|starting_at|timestamp|bucket)( ?\(?utc\)?)?$/i,
  model: /^(model|model_name|model_version|model id|line_item)$/i,
  requests: /^(requests|request_count|num_model_requests|num_requests|calls|operations)$/i,
  inputTokens: /^(input_tokens|prompt_tokens|tokens_in|usage_input_tokens|n_context_tokens_total)$/i,
  cachedInputTokens:
    /^(cached_input_tokens|input_cached_tokens|cache_read_tokens|cache_read_input_tokens|usage_input_tokens_cache_read)$/i,
  outputTokens:
    /^(output_tokens|completion_tokens|tokens_out|usage_output_tokens|n_generated_tokens_total)$/i,
  cost: /^(cost|cost_usd|amount|amount_usd|amount_value|spend|total_cost)$/i,
}

const likelyMapping = (columns: readonly string[]): ColumnMapping | null => {
  const found = (name: keyof ColumnMapping) => columns.find((column) => names[name].test(column))
  const day = found('day')
  if (day === undefined) return null
  return withoutMissing({
    day,
    model: found('model'),
    requests: found('requests'),
    inputTokens: found('inputTokens'),
    cachedInputTokens: found('cachedInputTokens'),
    outputTokens: found('outputTokens'),
    cost: found('cost'),
  })
}

const withoutMissing = (
  mapping: { day: string } & { [K in keyof ColumnMapping]: ColumnMapping[K] | undefined },
): ColumnMapping =>
  Object.fromEntries(Object.entries(mapping).filter(([, column]) => column !== undefined)) as ColumnMapping

type Json = Readonly<Record<string, unknown>>
type JsonReader = (bucket: Json, result: Json) => Draft

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
/** Numbers arrive as they were written. */
const counted = (value: unknown): bigint | null => {
  const text = textOf(value)
  return text === null ? null : count(text)
}
const added = (...values: (bigint | null)[]): bigint | null =>
  values.every((value) => value === null)
    ? null
    : values.reduce<bigint>((sum, value) => sum + (value ?? 0n), 0n)
const startOf = (bucket: Json): string => {
  const start = textOf(bucket['start_time']) ?? textOf(bucket['starting_at'])
  if (start === null) throw unreadable('A bucket has no start.')
  return dayOf(start)
}

const jsonReaders: Readonly<Record<Exclude<ServiceExportFormat, 'csv' | 'openai_csv'>, JsonReader>> = {
  // https://platform.openai.com/docs/api-reference/usage/completions_object
  openai_usage: (bucket, result) => ({
    day: startOf(bucket),
    model: textOf(result['model']) ?? '',
    requests: counted(result['num_model_requests']),
    inputTokens: counted(result['input_tokens']),
    cachedInputTokens: counted(result['input_cached_tokens']),
    outputTokens: counted(result['output_tokens']),
  }),
  // https://platform.openai.com/docs/api-reference/usage/costs_object
  openai_costs: (bucket, result) => {
    const amount = objectOf(result['amount'])
    requireDollars(textOf(amount['currency']))
    return {
      day: startOf(bucket),
      model: modelOfItem(textOf(result['line_item']) ?? '', 'line_item'),
      costNanoUsd: dollars(textOf(amount['value']) ?? ''),
    }
  },
  // https://platform.claude.com/docs/en/api/admin/usage_report
  anthropic_usage: (bucket, result) => {
    const written = objectOf(result['cache_creation'])
    const cached = counted(result['cache_read_input_tokens'])
    return {
      day: startOf(bucket),
      model: textOf(result['model']) ?? '',
      inputTokens: added(
        counted(result['uncached_input_tokens']),
        cached,
        counted(written['ephemeral_5m_input_tokens']),
        counted(written['ephemeral_1h_input_tokens']),
      ),
      cachedInputTokens: cached,
      outputTokens: counted(result['output_tokens']),
    }
  },
  // Amounts are decimals of cents: https://platform.claude.com/docs/en/api/admin/cost_report
  anthropic_costs: (bucket, result) => {
    requireDollars(textOf(result['currency']))
    return {
      day: startOf(bucket),
      model: textOf(result['model']) ?? '',
      costNanoUsd: dollars(textOf(result['amount']) ?? '', -2),
    }
  },
}

/** One page, an array of pages, or one page a line. */
const pagesOf = (content: string): Json[] => {
  try {
    const whole = parseExactJson(content)
    return (Array.isArray(whole) ? whole : [whole]).map(objectOf)
  } catch {
    const lines = content.split('\n').filter((line) => line.trim() !== '')
    try {
      return lines.map((line) => objectOf(parseExactJson(line)))
    } catch {
      throw unreadable('It is no JSON.')
    }
  }
}

const readJson = (content: string, read: JsonReader): Pick<Reading, 'lines' | 'unreadable'> => {
  try {
    const pages = pagesOf(content)
    const buckets = pages.flatMap(({ data }) => {
      if (!Array.isArray(data)) throw unreadable('A page has no data.')
      return data.map(objectOf)
    })
    const found = collect(buckets, (bucket) => {
      const { results } = bucket
      if (!Array.isArray(results)) throw unreadable('A bucket has no results.')
      return results.map((result) => read(bucket, objectOf(result)))
    })
    const more = pages.at(-1)?.['has_more'] === true
    const problems = more
      ? [...found.unreadable, 'Its last page says that there are more.']
      : found.unreadable
    return { lines: found.lines, unreadable: problems }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { lines: [], unreadable: [error.message] }
  }
}
