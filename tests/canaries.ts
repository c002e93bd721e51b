/** A secret that is planted, and found again in whatever form. */
export interface Canary {
  readonly name: string
  readonly value: string
  /** Labels of the texts where it belongs: the one reply that shows a new token. */
  readonly allowedIn?: readonly string[]
}

export interface Text {
  readonly label: string
  readonly text: string
}

/** Every way in which a secret is written by accident. Written for the tests: shares nothing with src/kit/redact.ts. */
const formsOf = (value: string): ReadonlyMap<string, string> => {
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  const forms = new Map([
    ['raw', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['URL-encoded', encodeURIComponent(value)],
    ['lower-case URL-encoded', encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase())],
    ['form-encoded', new URLSearchParams([['', value]]).toString().slice(1)],
    ['HTML', value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')],
  ])
  // Inside longer text base64 comes out in one of three ways, of which the ends depend on what is beside it.
  for (const before of ['', 'x', 'xy']) {
    const around = Buffer.from(`${before}${value}zz`).toString('base64')
    const core = around.slice(before === '' ? 0 : 4, -4)
    forms.set(`base64 after ${before.length}`, core)
    forms.set(`base64url after ${before.length}`, core.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return forms
}

/** Half of it is as bad: whoever has that guesses the rest, or says that a mask was forgotten. */
const halvesOf = (value: string): ReadonlyMap<string, string> => {
  const middle = Math.ceil(value.length / 2)
  return new Map([
    ['its first half', value.slice(0, middle)],
    ['its second half', value.slice(-middle)],
  ])
}

/** Where which secret is, without the secret. */
export const findCanaries = (canaries: readonly Canary[], texts: readonly Text[]): string[] =>
  canaries.flatMap(({ name, value, allowedIn = [] }) => {
    const forms = [...formsOf(value), ...halvesOf(value)]
    return texts
      .filter(({ label }) => !allowedIn.includes(label))
      .flatMap(({ label, text }) => {
        const found = forms.find(([, form]) => text.includes(form))
        return found === undefined ? [] : [`${name} is in ${label}, ${found[0]}`]
      })
  })
