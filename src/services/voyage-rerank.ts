import { APICallError, type RerankingModelV4 } from '@ai-sdk/provider'
import type { ModelParts } from './service.ts'

/** https://docs.voyageai.com/reference/reranker-api; there is no package for it. */
export const voyageRerank = ({ model, baseUrl, fetch }: ModelParts): RerankingModelV4 => ({
  specificationVersion: 'v4',
  provider: 'voyage.reranking',
  modelId: model,
  doRerank: async ({ documents, query, topN, abortSignal, headers }) => {
    const texts =
      documents.type === 'text' ? documents.values : documents.values.map((value) => JSON.stringify(value))
    const request = { model, query, documents: texts, ...(topN !== undefined && { top_k: topN }) }
    const url = `${baseUrl}/v1/rerank`
    const reply = await fetch(url, {
      method: 'POST',
      headers: { ...(headers as Record<string, string>), 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: abortSignal ?? null,
    })
    const body = await reply.text()
    const ranking = reply.ok ? rankingIn(body) : null
    if (ranking === null)
      throw new APICallError({
        message: 'Voyage AI ranked nothing.',
        url,
        requestBodyValues: {},
        statusCode: reply.status,
        responseHeaders: Object.fromEntries(reply.headers),
        responseBody: body,
      })
    return {
      ranking,
      response: {
        modelId: model,
        headers: Object.fromEntries(reply.headers),
        body: JSON.parse(body) as unknown,
      },
    }
  },
})

const rankingIn = (body: string): { index: number; relevanceScore: number }[] | null => {
  try {
    const { data } = JSON.parse(body) as { data?: unknown }
    if (!Array.isArray(data)) return null
    return (data as { index?: unknown; relevance_score?: unknown }[]).map((entry) => ({
      index: Number(entry.index),
      relevanceScore: Number(entry.relevance_score),
    }))
  } catch {
    return null
  }
}
