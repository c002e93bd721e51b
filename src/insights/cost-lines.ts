import { type CostLine, costLines } from '../metering/cost.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { ReceiptRow } from './insights.ts'

/**
 * How the cost of an operation was made, from the version of the price book it was charged by. Its own cost stays what
 * it was: lines that do not add up to it (a model that was renamed since) would explain nothing, and are left out.
 */
export const receiptLines = (row: ReceiptRow, book: PriceBook | null): CostLine[] => {
  if (row.costNanoUsd === null || row.serviceId === null || row.model === null || book === null) return []
  const price = book.find(row.serviceId, row.model)
  if (price === null) return []
  const usage = {
    input: Number(row.uncachedInputTokens),
    cacheRead: Number(row.cacheReadTokens),
    cacheWrite: Number(row.cacheWriteTokens),
    cacheWrite1h: Number(row.cacheWrite1hTokens),
    output: Number(row.plainOutputTokens),
    reasoning: Number(row.reasoningTokens),
    ...(row.units === null ? {} : { units: row.units }),
  }
  const lines = costLines(price, usage, row.startedAt)
  return lines.reduce((sum, line) => sum + line.costNanoUsd, 0n) === row.costNanoUsd ? lines : []
}
