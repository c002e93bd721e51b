import { isObject } from '../dialects/request.ts'
import { type Fields, onlyAs, refused } from './fields.ts'
import { formOf, json, modelParts } from './media-call.ts'
import type { Notes } from './notes.ts'
import { readFlag, readList, readNumber, readText } from './read.ts'
import type { TranslationRequest, Translated } from './translation.ts'
import { noteWarnings } from './warnings.ts'

/** https://docs.cohere.com/reference/rerank, with the extensions of Jina and Voyage */
const rerankFields: Fields = {
  model: 'carried',
  query: 'carried',
  documents: 'carried',
  top_n: 'carried',
  top_k: 'carried',
  return_documents: 'carried',
  rank_fields: refused('Send the text that is to be ranked.'),
  truncation: onlyAs([true], 'listed'),
  max_tokens_per_doc: 'listed',
  max_chunks_per_doc: 'listed',
  priority: 'listed',
}

export const translateRerank = async (request: TranslationRequest, notes: Notes): Promise<Translated> => {
  const { fields } = formOf(request, rerankFields, notes)
  const query = readText(fields.query, 'query')
  const values = readList(fields.documents, 'documents').map((document, index) =>
    readText(isObject(document) ? document.text : document, `documents[${index}]`),
  )
  const topN = readNumber(fields.top_n, 'top_n') ?? readNumber(fields.top_k, 'top_k')
  const returns = readFlag(fields.return_documents, 'return_documents') === true
  const model = await request.service.translation?.reranking?.(modelParts(request))
  if (model === undefined) throw new Error('canTranslate says no')
  const { ranking, response, warnings } = await model.doRerank({
    query,
    documents: { type: 'text', values },
    ...(topN === undefined ? {} : { topN }),
    abortSignal: request.signal,
  })
  noteWarnings(warnings ?? [], { topN: 'top_n' }, notes)
  return json({
    id: request.operationId,
    results: ranking.map(({ index, relevanceScore }) => ({
      index,
      relevance_score: relevanceScore,
      ...(returns ? { document: { text: values[index] } } : {}),
    })),
    ...reportIn(response?.body),
  })
}

/** The SDK has no words for what a ranking cost; some services say it in their replies. */
const reportIn = (body: unknown) => {
  if (!isObject(body)) return {}
  const { meta, usage } = body
  return {
    ...(isObject(meta) && isObject(meta.billed_units) ? { meta: { billed_units: meta.billed_units } } : {}),
    ...(isObject(usage) ? { usage } : {}),
  }
}
