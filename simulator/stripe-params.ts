/**
 * What Stripe's API takes: `application/x-www-form-urlencoded` with brackets (`line_items[0][price]=…`), checked name by
 * name. A parameter that a shape here does not name is refused as Stripe refuses it; Stripe takes more than these shapes.
 */

export interface StripeErrorBody {
  readonly type: 'invalid_request_error' | 'idempotency_error' | 'card_error' | 'api_error'
  readonly message: string
  readonly code?: string
  readonly decline_code?: string
  readonly param?: string
  readonly payment_intent?: unknown
}

export class StripeRefusal extends Error {
  readonly status: number
  readonly body: StripeErrorBody
  constructor(status: number, body: StripeErrorBody) {
    super(body.message)
    this.status = status
    this.body = body
  }
}

export const refuse = (message: string, more: Partial<StripeErrorBody> = {}, status = 400): never => {
  throw new StripeRefusal(status, { type: 'invalid_request_error', message, ...more })
}

export type Tree = string | { [name: string]: Tree }

/** `a[b][0]=c` → { a: { b: { 0: 'c' } } } */
export const decodeForm = (text: string): { [name: string]: Tree } => {
  const root: { [name: string]: Tree } = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const path = [
      name.split('[')[0] ?? '',
      ...[...name.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? ''),
    ]
    plant(root, path, value)
  }
  return root
}

const plant = (root: { [name: string]: Tree }, path: readonly string[], value: string): void => {
  let at = root
  for (const [index, step] of path.entries()) {
    const name = step === '' ? String(Object.keys(at).length) : step
    if (index === path.length - 1) {
      at[name] = value
      return
    }
    const next = at[name] ?? (Object.create(null) as { [name: string]: Tree })
    if (typeof next === 'string') return refuse('Invalid hash', { param: path.join('.') })
    at[name] = next
    at = next
  }
}

/** Reads one parameter; undefined: it was not sent. */
export type Param<T> = (tree: Tree | undefined, path: string) => T
export type Shape = Readonly<Record<string, Param<unknown>>>
export type Read<S extends Shape> = { readonly [Name in keyof S]: ReturnType<S[Name]> }

const scalar = <T>(read: (text: string, path: string) => T): Param<T | undefined> => {
  return (tree, path) => {
    if (tree === undefined) return undefined
    if (typeof tree !== 'string') return refuse('Invalid string', { param: path })
    if (tree === '')
      return refuse(
        `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; however '${path}' cannot be unset.`,
        { code: 'parameter_invalid_empty', param: path },
      )
    return read(tree, path)
  }
}

export const text = (maximum = 5_000): Param<string | undefined> =>
  scalar((given, path) => {
    if (given.length > maximum)
      return refuse(`Invalid string; must be at most ${maximum} characters`, { param: path })
    return given
  })

export const oneOf = <const Choice extends string>(
  ...choices: readonly Choice[]
): Param<Choice | undefined> =>
  scalar((given, path) => {
    if (!(choices as readonly string[]).includes(given))
      return refuse(`Invalid ${path}: must be one of ${choices.join(', ')}`, { param: path })
    return given as Choice
  })

export const integer = (least = Number.MIN_SAFE_INTEGER): Param<number | undefined> =>
  scalar((given, path) => {
    if (!/^-?\d{1,15}$/.test(given))
      return refuse(`Invalid integer: ${given}`, { code: 'parameter_invalid_integer', param: path })
    if (Number(given) < least)
      return refuse(`This value must be greater than or equal to ${least}.`, {
        code: 'parameter_invalid_integer',
        param: path,
      })
    return Number(given)
  })

export const flag: Param<boolean | undefined> = scalar((given, path) => {
  if (given !== 'true' && given !== 'false') return refuse(`Invalid boolean: ${given}`, { param: path })
  return given === 'true'
})

export const webAddress: Param<string | undefined> = scalar((given, path) => {
  const url = URL.parse(given.replaceAll('{CHECKOUT_SESSION_ID}', 'x'))
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return refuse('Not a valid URL', { code: 'url_invalid', param: path })
  return given
})

export const required =
  <T>(param: Param<T | undefined>): Param<T> =>
  (tree, path) => {
    const value = param(tree, path)
    if (value === undefined)
      return refuse(`Missing required param: ${path}.`, { code: 'parameter_missing', param: path })
    return value
  }

/** An empty string takes the value away. */
export const clearable =
  <T>(param: Param<T>): Param<T | ''> =>
  (tree, path) =>
    tree === '' ? '' : param(tree, path)

export const hash =
  <S extends Shape>(shape: S): Param<Read<S> | undefined> =>
  (tree, path) => {
    if (tree === undefined) return undefined
    if (typeof tree === 'string') return refuse('Invalid hash', { param: path })
    return readShape(tree, shape, path)
  }

export const list =
  <T>(param: Param<T | undefined>): Param<T[] | undefined> =>
  (tree, path) => {
    if (tree === undefined) return undefined
    if (typeof tree === 'string') return refuse('Invalid array', { param: path })
    return Object.entries(tree).map(([index, item]) => required(param)(item, `${path}[${index}]`))
  }

export type Metadata = Record<string, string>

/** 50 names of 40 characters with values of 500, as Stripe limits them. */
export const metadata: Param<Metadata | undefined> = (tree, path) => {
  if (tree === undefined || tree === '') return undefined
  if (typeof tree === 'string') return refuse('Invalid hash', { param: path })
  const entries = Object.entries(tree)
  if (entries.length > 50) return refuse('Metadata can have up to 50 keys', { param: path })
  for (const [name, value] of entries) {
    if (name.length > 40) return refuse('Metadata keys can have up to 40 characters', { param: path })
    if (typeof value !== 'string' || value.length > 500)
      return refuse('Metadata values can have up to 500 characters', { param: `${path}[${name}]` })
  }
  return Object.fromEntries(entries) as Metadata
}

export const readShape = <S extends Shape>(
  tree: { readonly [name: string]: Tree },
  shape: S,
  path = '',
): Read<S> => {
  const named = (name: string) => (path === '' ? name : `${path}[${name}]`)
  for (const name of Object.keys(tree))
    if (!Object.hasOwn(shape, name))
      return refuse(`Received unknown parameter: ${named(name)}`, {
        code: 'parameter_unknown',
        param: named(name),
      })
  return Object.fromEntries(
    Object.entries(shape).map(([name, param]) => [name, param(tree[name], named(name))]),
  ) as Read<S>
}
