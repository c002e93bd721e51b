import { isUtf8 } from 'node:buffer'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** One part of a form; its bytes stay where they are. https://www.rfc-editor.org/rfc/rfc7578 */
export interface Part {
  readonly name: string
  /** Null: a field, not a file. */
  readonly filename: string | null
  /** Offsets of the value in the body, end exclusive. */
  readonly start: number
  readonly end: number
}

/** A form with sixteen images has some thirty parts. */
const mostParts = 200
const longestHeaders = 4_096
const longestName = 200
const longestFilename = 255

const lineEnd = Buffer.from('\r\n')
const headersEnd = Buffer.from('\r\n\r\n')
const dash = 0x2d

const malformed = (message: string) => failure('malformed_multipart', { message })

export const isMultipart = (contentType: string): boolean => /^multipart\/form-data\b/i.test(contentType)

/**
 * The parts of a form, strictly: where parsers could disagree about what is a part (bytes around the parts, a boundary
 * that goes on, names that occur twice in a header), the service might read another model than we do.
 */
export const readParts = (body: Buffer, contentType: string): Outcome<Part[]> => {
  const boundary = boundaryOf(contentType)
  if (boundary === null) return malformed('content-type names no boundary, or a wrong one.')
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  const opening = delimiter.subarray(lineEnd.length)
  if (body.indexOf(opening) !== 0) return malformed('The form does not begin with its boundary.')
  const parts: Part[] = []
  let at = opening.length
  for (;;) {
    if (body[at] === dash && body[at + 1] === dash) return atEnd(body, at + 2, parts)
    if (body.indexOf(lineEnd, at) !== at) return malformed('A boundary of the form goes on.')
    if (parts.length === mostParts) return malformed(`The form has more than ${mostParts} parts.`)
    const endOfHeaders = body.subarray(at, at + longestHeaders).indexOf(headersEnd)
    if (endOfHeaders === -1) return malformed('A part of the form has no end of its headers, or too many.')
    const start = at + endOfHeaders + headersEnd.length
    const end = body.indexOf(delimiter, start)
    if (end === -1) return malformed('The form ends within a part.')
    const named = readHeaders(body.toString('latin1', at + lineEnd.length, at + endOfHeaders))
    if (!named.ok) return named
    parts.push({ ...named.value, start, end })
    at = end + delimiter.length
  }
}

const atEnd = (body: Buffer, end: number, parts: Part[]): Outcome<Part[]> =>
  end === body.length || (end + lineEnd.length === body.length && body.indexOf(lineEnd, end) === end)
    ? success(parts)
    : malformed('Something follows the end of the form.')

/** https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1 */
const boundaryOf = (contentType: string): string | null => {
  const found = [...contentType.matchAll(/;\s*boundary=(?:"([^"]*)"|([^\s;,"]*))/gi)]
  const boundary = found[0]?.[1] ?? found[0]?.[2]
  return found.length === 1 && boundary !== undefined && boundaryShape.test(boundary) ? boundary : null
}
const boundaryShape = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

const readHeaders = (text: string): Outcome<Pick<Part, 'name' | 'filename'>> => {
  const lines = text.split('\r\n')
  const dispositions = lines.filter((line) => /^content-disposition[ \t]*:/i.test(line))
  if (dispositions.length !== 1) return malformed('A part of the form must have one content-disposition.')
  // Such an encoding would have to be undone before the value can be read.
  if (
    lines.some((line) => /^content-transfer-encoding[ \t]*:(?![ \t]*(?:binary|8bit|7bit)[ \t]*$)/i.test(line))
  )
    return malformed('A part of the form is encoded.')
  const disposition = dispositions[0] as string
  if (!/^content-disposition[ \t]*:[ \t]*form-data[ \t]*;/i.test(disposition))
    return malformed('A part of the form is no form-data.')
  const names = parametersOf(disposition, 'name')
  const filenames = parametersOf(disposition, 'filename')
  const name = names[0]
  if (name === undefined || names.length > 1 || name === '' || name.length > longestName)
    return malformed('A part of the form must have one name.')
  if (filenames.length > 1) return malformed('A part of the form has two file names.')
  const filename = filenames[0] ?? (/;[ \t]*filename\*=/i.test(disposition) ? '' : null)
  if (filename !== null && filename.length > longestFilename)
    return failure('invalid_request', {
      message: `A file name may have at most ${longestFilename} bytes.`,
      field: 'file',
    })
  return success({ name, filename })
}

const parametersOf = (disposition: string, parameter: 'name' | 'filename'): string[] =>
  [...disposition.matchAll(/;[ \t]*(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gi)]
    .filter(([, found]) => found?.toLowerCase() === parameter)
    .map(([, , quoted, plain]) => quoted ?? plain ?? '')

/** The text of a field; null when it is no text. */
export const textOf = (body: Buffer, { start, end }: Part): string | null => {
  const value = body.subarray(start, end)
  return isUtf8(value) ? value.toString('utf8') : null
}

/** The same form with another value of one field; every other byte stays. */
export const replacePart = (body: Buffer, { start, end }: Part, value: string): Buffer =>
  Buffer.concat([body.subarray(0, start), Buffer.from(value), body.subarray(end)])
