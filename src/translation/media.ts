import type { LanguageModelV4FilePart } from '@ai-sdk/provider'
import { malformed, refuse } from './notes.ts'

const dataUrl = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w=.+-]+)*;base64,/i

/** Media types by file extension, for addresses: some services want to be told, and nobody here looks. */
const typesByExtension: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  pdf: 'application/pdf',
}

/** An image or file given as a data URL, or as an address that only the service may open. */
export const fileFromUrl = (
  value: string,
  fallbackType: string,
  field: string,
  filename?: string,
): LanguageModelV4FilePart => {
  const name = filename === undefined ? {} : { filename }
  const match = dataUrl.exec(value.slice(0, 256))
  if (match !== null)
    return fileFromBase64(value.slice(match[0].length), (match[1] as string).toLowerCase(), field, filename)
  const url = URL.parse(value)
  if (url === null || url.protocol === 'data:') return malformed(field, 'a URL or a base64 data URL')
  const extension = /\.([a-z]+)$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? ''
  const mediaType = typesByExtension[extension] ?? fallbackType
  return { type: 'file', data: { type: 'url', url }, mediaType, ...name }
}

export const fileFromBase64 = (
  data: string,
  mediaType: string,
  field: string,
  filename?: string,
): LanguageModelV4FilePart => {
  if (!isBase64(data)) return malformed(field, 'base64')
  return {
    type: 'file',
    data: { type: 'data', data },
    mediaType,
    ...(filename === undefined ? {} : { filename }),
  }
}

/** The first bytes only: the service decodes the rest, and says so where it cannot. */
const isBase64 = (data: string) => /^[A-Za-z0-9+/_-]+=*$/.test(data.slice(0, 1024))

/**
 * An address that a service opens with the rights of the key it was asked with (a bucket, a stored file) would show one
 * caller what is another's.
 */
const isPublic = ({ protocol, hostname }: URL): boolean =>
  (protocol === 'https:' || protocol === 'http:') &&
  !/^(?:generativelanguage|(?:[\w-]+-)?aiplatform)\.googleapis\.com$/.test(hostname)

/** Whether a model says it opens such an address itself. Nothing here ever does. */
export const opensUrl = (
  supported: Readonly<Record<string, readonly RegExp[]>>,
  mediaType: string,
  url: URL,
): boolean =>
  isPublic(url) &&
  Object.entries(supported).some(
    ([pattern, addresses]) =>
      coversType(pattern, mediaType) && addresses.some((address) => address.test(url.href)),
  )

const coversType = (pattern: string, mediaType: string): boolean =>
  pattern === '*' ||
  pattern === '*/*' ||
  pattern === mediaType ||
  (pattern.endsWith('/*') && mediaType.startsWith(pattern.slice(0, -1)))

export const refuseUrl = (field: string): never =>
  refuse(field, `${field} must be a data URL for this service; addresses are not opened here.`)
