/**
 * JSON with its numbers as they are written, so that 0.1 stays a tenth: the reviver of JSON.parse is told the source
 * (https://tc39.es/proposal-json-parse-with-source). True and false stay, numbers are texts.
 */
export const parseExactJson = (text: string): unknown =>
  JSON.parse(text, function (_name: string, value: unknown, context?: { readonly source?: string }) {
    return typeof value === 'number' ? (context?.source ?? String(value)) : value
  } as (this: unknown, name: string, value: unknown) => unknown)
