import type { SharedV4ProviderMetadata, SharedV4ProviderOptions } from '@ai-sdk/provider'
import { isObject } from '../dialects/request.ts'

/**
 * What a service signs of its reasoning must come back to it unchanged in the next turn. It travels in the place that
 * the caller's dialect has for its own signatures, marked so that another service is never sent it. A caller can write
 * such a text too: only what is listed here is read from it, and none of it names anything stored at a service.
 */
const mark = 'aik1.'
const longestEnvelope = 1_000_000

const carried: Readonly<Record<string, readonly string[]>> = {
  anthropic: ['signature', 'redactedData'],
  bedrock: ['signature', 'redactedData', 'redactedContent'],
  amazonBedrock: ['signature', 'redactedData', 'redactedContent'],
  google: ['thoughtSignature'],
  googleVertex: ['thoughtSignature'],
  vertex: ['thoughtSignature'],
  openai: ['itemId', 'reasoningEncryptedContent'],
  azure: ['itemId', 'reasoningEncryptedContent'],
}

const pick = (metadata: unknown): SharedV4ProviderOptions | undefined => {
  if (!isObject(metadata)) return undefined
  const picked = Object.entries(carried).flatMap(([namespace, names]) => {
    const values = Object.hasOwn(metadata, namespace) ? metadata[namespace] : undefined
    if (!isObject(values)) return []
    const texts = names.flatMap((name) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined
      return typeof value === 'string' ? [[name, value] as const] : []
    })
    return texts.length === 0 ? [] : [[namespace, Object.fromEntries(texts)] as const]
  })
  return picked.length === 0 ? undefined : Object.fromEntries(picked)
}

export const sealThought = (metadata: SharedV4ProviderMetadata | undefined): string =>
  `${mark}${Buffer.from(JSON.stringify(pick(metadata) ?? {})).toString('base64url')}`

/** Null: a signature of somebody else's. */
export const openThought = (text: string): SharedV4ProviderOptions | null => {
  if (!text.startsWith(mark) || text.length > longestEnvelope) return null
  try {
    return pick(JSON.parse(Buffer.from(text.slice(mark.length), 'base64url').toString('utf8'))) ?? {}
  } catch {
    return null
  }
}

/** The signature that Gemini puts on parts, whichever of its services wrote it. */
export const googleSignature = (metadata: SharedV4ProviderMetadata | undefined): string | undefined => {
  for (const namespace of ['google', 'googleVertex', 'vertex']) {
    const signature = metadata?.[namespace]?.thoughtSignature
    if (typeof signature === 'string') return signature
  }
  return undefined
}

export const withGoogleSignature = (signature: string): SharedV4ProviderOptions => ({
  google: { thoughtSignature: signature },
})
