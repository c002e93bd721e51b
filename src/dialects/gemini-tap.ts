import type { EventKind, ParsedRequest, StreamTap } from './dialect.ts'
import { type Fields, listOf } from './gemini-request.ts'
import { geminiUsage, searchesIn, searchMark, usageMark } from './gemini-usage.ts'
import { detailsOf, isCount, parseReportedText } from './reported.ts'
import { isObject } from './request.ts'
import { dataOf } from './sse.ts'

const finishMark = Buffer.from('"finishReason"')
const blockMark = Buffer.from('"blockReason"')
const errorMark = Buffer.from('"error"')
const candidatesMark = Buffer.from('"candidates"')
const dataMark = Buffer.from('data:')
const unspecified = 'FINISH_REASON_UNSPECIFIED'

/**
 * Every event is a whole `GenerateContentResponse` with the usage so far, and the last is marked by no more than the
 * reasons why the candidates finished; then the connection ends.
 */
export const makeGeminiTap = ({ choices }: ParsedRequest): StreamTap => {
  let report: Record<string, unknown> | null = null
  let searches = 0
  let isBlocked = false
  const seen = new Set<number>()
  const finished = new Set<number>()

  /** Running totals: what is not told again stays. */
  const take = (usage: Fields): void => {
    report = { ...report, ...usage }
  }
  /** Only what no report counts is left to estimate. */
  const kindWith = (usage: unknown): EventKind =>
    isCount(detailsOf(usage).candidatesTokenCount) || isCount(detailsOf(usage).thoughtsTokenCount)
      ? 'other'
      : 'content'

  const readWhole = (event: Buffer): EventKind => {
    const chunk = parseReportedText(dataOf(event))
    if (!isObject(chunk)) return 'other'
    if (chunk.error !== undefined && chunk.error !== null) return 'error'
    if (detailsOf(chunk.promptFeedback).blockReason != null) isBlocked = true
    for (const candidate of listOf(chunk.candidates)) {
      const { index, finishReason } = detailsOf(candidate)
      const place = isCount(index) ? index : 0
      if (place < choices) seen.add(place)
      if (typeof finishReason === 'string' && finishReason !== unspecified) finished.add(place)
    }
    // Told again with each event that has them.
    searches = Math.max(searches, searchesIn(chunk))
    if (isObject(chunk.usageMetadata)) take(chunk.usageMetadata)
    return Array.isArray(chunk.candidates) ? kindWith(chunk.usageMetadata) : 'other'
  }

  /** The usage alone, where nothing else of the event matters: it is the event's own only if it ends with the event. */
  const readUsage = (event: Buffer): EventKind => {
    const at = event.lastIndexOf(usageMark)
    const hasContent = event.includes(candidatesMark)
    if (at === -1) return hasContent ? 'content' : 'other'
    const tail = parseReportedText(`{${event.toString('utf8', at)}`)
    if (!isObject(tail) || !isObject(tail.usageMetadata)) return readWhole(event)
    take(tail.usageMetadata)
    return hasContent ? kindWith(tail.usageMetadata) : 'other'
  }

  const kindOf = (event: Buffer): EventKind => {
    if (!event.includes(dataMark)) return 'other'
    const isWhole =
      choices > 1 ||
      event.includes(finishMark) ||
      event.includes(errorMark) ||
      event.includes(blockMark) ||
      event.includes(searchMark)
    return isWhole ? readWhole(event) : readUsage(event)
  }

  return {
    classify(text, ends) {
      let start = 0
      return ends.map((end) => {
        const kind = kindOf(text.subarray(start, end))
        start = end
        return kind
      })
    },
    reported: () => report && geminiUsage(report, searches),
    endsWithConnection: () =>
      isBlocked || (finished.size > 0 && [...seen].every((place) => finished.has(place))),
  }
}
