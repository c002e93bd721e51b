import type { Usage } from '../metering/usage.ts'
import { type Fields, fieldsOf, listOf } from './gemini-request.ts'
import { countOf, detailsOf, isCount, lastMember, parseReported, withUnits } from './reported.ts'
import { isObject } from './request.ts'

/** Tokens of a kind in a list of `{ modality, tokenCount }`. */
const tokensOf = (details: unknown, modality: string): number =>
  listOf(details)
    .filter((detail) => isObject(detail) && detail.modality === modality)
    .reduce<number>((sum, detail) => sum + countOf((detail as Fields).tokenCount), 0)

/**
 * `promptTokenCount` includes what was cached, and not what tools brought in; thoughts are not among the candidates'
 * tokens. Audio in either direction and images as output have prices of their own, so they are units. Zeros are left
 * out of what is reported. Null where there is no prompt: then there is no report.
 * https://ai.google.dev/api/generate-content#UsageMetadata
 */
export const geminiUsage = (report: Fields, searches = 0): Usage | null => {
  const { promptTokenCount: prompt, totalTokenCount: total } = report
  const candidates = report.candidatesTokenCount ?? 0
  if (!isCount(prompt) || !isCount(candidates)) return null
  const input = prompt + countOf(report.toolUsePromptTokenCount)
  const cached = Math.min(countOf(report.cachedContentTokenCount), prompt)
  const audio = [report.promptTokensDetails, report.toolUsePromptTokensDetails]
    .map((details) => tokensOf(details, 'AUDIO'))
    .reduce((a, b) => a + b)
  const audioIn = Math.min(audio, input)
  const cachedAudio = Math.min(tokensOf(report.cacheTokensDetails, 'AUDIO'), audioIn, cached)
  const cacheRead = Math.min(cached - cachedAudio, input - audioIn)
  const reasoning = countOf(report.thoughtsTokenCount)
  // Some versions counted thoughts among the candidates' tokens as well; then the total leaves no room for them.
  const isTwice = reasoning > 0 && reasoning <= candidates && total === input + candidates
  const output = isTwice ? candidates - reasoning : candidates
  const audioOut = Math.min(tokensOf(report.candidatesTokensDetails, 'AUDIO'), output)
  const imageOut = Math.min(tokensOf(report.candidatesTokensDetails, 'IMAGE'), output - audioOut)
  const tokens = {
    input: input - audioIn - cacheRead,
    cacheRead,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output: output - audioOut - imageOut,
    reasoning,
  }
  return withUnits(tokens, {
    input_audio_tokens: audioIn - cachedAudio,
    cache_read_audio_tokens: cachedAudio,
    output_audio_tokens: audioOut,
    output_image_tokens: imageOut,
    search: searches,
  })
}

/** Queries of Google's search that a reply was grounded on. */
export const searchesIn = (reply: unknown): number =>
  listOf(detailsOf(reply).candidates).flatMap((candidate) =>
    listOf(detailsOf(detailsOf(candidate).groundingMetadata).webSearchQueries),
  ).length

export const usageMark = Buffer.from('"usageMetadata"')
export const searchMark = Buffer.from('"webSearchQueries"')

/** Also of a stream that came as one JSON array, for callers who did not ask for events. */
export const usageOfGeminiReply = (reply: Buffer): Usage | null => {
  const isArray = reply.toString('latin1', 0, 64).trimStart().startsWith('[')
  if (!isArray && !reply.includes(searchMark)) {
    const report = lastMember(reply, usageMark)
    return report && geminiUsage(report)
  }
  const parsed = parseReported(reply)
  const chunks = Array.isArray(parsed) ? parsed : [parsed]
  const told = chunks.map((chunk) => detailsOf(detailsOf(chunk).usageMetadata))
  const searches = Math.max(0, ...chunks.map(searchesIn))
  return geminiUsage(Object.assign({}, ...told) as Fields, searches)
}

/** Vertex AI tells the tokens of each embedding where Gemini's own API tells a sum, or nothing. */
export const usageOfGeminiEmbeddings = (reply: Buffer): Usage | null => {
  const report = lastMember(reply, usageMark)
  return report && geminiUsage(fieldsOf(report))
}
