import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must, type Outcome } from '../../kit/fault.ts'
import { parseProvider } from './parse-provider.ts'

/** A real token: SoftHSM, through pkcs11js. Neither is a dependency; .ci/run installs both where it can. */
const library = ['/usr/lib/softhsm/libsofthsm2.so', '/opt/homebrew/lib/softhsm/libsofthsm2.so'].find(
  existsSync,
)
const wrapperDirectory = process.env['AIDEON_PKCS11JS']
const wrapper = (() => {
  try {
    return createRequire(join(wrapperDirectory ?? process.cwd(), 'node_modules', 'x.js'))(
      'pkcs11js',
    ) as Wrapper
  } catch {
    return null
  }
})()
interface Wrapper {
  PKCS11: new () => Token
}
interface Token {
  load(path: string): void
  C_Initialize(): void
  C_Finalize(): void
  C_GetSlotList(withToken: boolean): Buffer[]
  C_OpenSession(slot: Buffer, flags: number): Buffer
  C_Login(session: Buffer, user: number, pin: string): void
  C_GenerateKey(session: Buffer, mechanism: { mechanism: number }, template: object[]): Buffer
  C_DestroyObject(session: Buffer, key: Buffer): void
  C_GetAttributeValue(session: Buffer, key: Buffer, template: object[]): { value: Buffer }[]
  C_GetTokenInfo(slot: Buffer): { label: string }
}

const pin = '87654321'
const key = randomBytes(32)
const context = 'vault key 7'
const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : outcome.fault.code)

const makeProvider = (attributes: string, environment: Record<string, string> = {}) =>
  must(
    parseProvider(`pkcs11:${attributes}`, {
      environment: {
        AIDEON_PKCS11_PIN: pin,
        ...(wrapperDirectory === undefined ? {} : { AIDEON_PKCS11JS: wrapperDirectory }),
        ...environment,
      },
      transport: { request: () => Promise.reject(new Error('nothing is asked here')) },
      clock: () => new Date(),
    }),
  )

test('without pkcs11js the fault says how to install it', async () => {
  const provider = makeProvider('object=a?module-path=/nowhere/lib.so', { AIDEON_PKCS11JS: '/nowhere' })
  const outcome = await provider.wrap(key, context)
  expect(outcome).toMatchObject({
    ok: false,
    fault: { code: 'master_key_misconfigured', next: expect.stringContaining('npm install') },
  })
})

describe.skipIf(library === undefined || wrapper === null)(
  'with SoftHSM (softhsm2 and pkcs11js installed)',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'aideon-softhsm-'))
    let token: Token
    let session: Buffer
    const made = new Map<string, Buffer>()
    const at = `?module-path=${library}`

    const generate = (label: string, more: { id?: Buffer; extractable?: boolean } = {}) => {
      const handle = token.C_GenerateKey(session, { mechanism: 0x1080 }, [
        { type: 0x0, value: 4 },
        { type: 0x1, value: true },
        { type: 0x2, value: true },
        { type: 0x3, value: label },
        { type: 0x102, value: more.id ?? randomBytes(8) },
        { type: 0x103, value: true },
        { type: 0x104, value: true },
        { type: 0x105, value: true },
        { type: 0x161, value: 32 },
        { type: 0x162, value: more.extractable ?? false },
      ])
      made.set(label, handle)
    }

    beforeAll(() => {
      const settings = join(directory, 'softhsm2.conf')
      writeFileSync(
        settings,
        `directories.tokendir = ${directory}\nobjectstore.backend = file\nlog.level = ERROR\n`,
      )
      process.env['SOFTHSM2_CONF'] = settings
      execFileSync('softhsm2-util', [
        '--init-token',
        '--free',
        '--label',
        'aideon',
        '--so-pin',
        '12345678',
        '--pin',
        pin,
      ])
      token = new (wrapper as Wrapper).PKCS11()
      token.load(library as string)
      token.C_Initialize()
      const slot = token
        .C_GetSlotList(true)
        .find((one) => token.C_GetTokenInfo(one).label.startsWith('aideon'))
      session = token.C_OpenSession(slot as Buffer, 6)
      token.C_Login(session, 1, pin)
      generate('master', { id: Buffer.from([1, 255]) })
      generate('other')
      generate('readable', { extractable: true })
    })
    afterAll(() => {
      token.C_Finalize()
      rmSync(directory, { recursive: true })
    })

    test('a vault key is wrapped by a key that cannot leave the token', async () => {
      const provider = makeProvider(`token=aideon;object=master${at}`)
      const wrapped = must(await provider.wrap(key, context))
      expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
      expect(must(await makeProvider(`id=%01%ff${at}`).unwrap(wrapped, context))).toEqual(key)
      expect(wrapped.includes(key)).toBe(false)
      const read = () => token.C_GetAttributeValue(session, made.get('master') as Buffer, [{ type: 0x11 }])
      expect(read).toThrow('CKR_ATTRIBUTE_SENSITIVE')
      await provider.close?.()
      expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    })

    test('another context, another key, every changed byte and every cut are refused', async () => {
      const provider = makeProvider(`token=aideon;object=master${at}`)
      const wrapped = must(await provider.wrap(key, context))
      const refusals = [
        await provider.unwrap(wrapped, 'other'),
        await makeProvider(`token=aideon;object=other${at}`).unwrap(wrapped, context),
      ]
      for (let index = 0; index < wrapped.length; index++) {
        const copy = Buffer.from(wrapped)
        copy[index] = (copy[index] as number) ^ (1 << (index % 8))
        refusals.push(
          await provider.unwrap(copy, context),
          await provider.unwrap(wrapped.subarray(0, index), context),
        )
      }
      expect(new Set(refusals.map(codeOf))).toEqual(new Set(['master_key_mismatch']))
      expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    })

    test.each([
      ['no such token', 'token=none;object=master', {}, 'master_key_disabled'],
      ['no such key', 'token=aideon;object=none', {}, 'master_key_disabled'],
      ['a key that can be read out', 'token=aideon;object=readable', {}, 'master_key_misconfigured'],
      ['no PIN', 'token=aideon;object=master', { AIDEON_PKCS11_PIN: '' }, 'master_key_misconfigured'],
    ])('%s is told', async (_, attributes, environment, code) => {
      expect(codeOf(await makeProvider(`${attributes}${at}`, environment).wrap(key, context))).toBe(code)
    })

    test('a key that is destroyed under way, and a library that is none, are told', async () => {
      generate('passing')
      const provider = makeProvider(`token=aideon;object=passing${at}`)
      const wrapped = must(await provider.wrap(key, context))
      token.C_DestroyObject(session, made.get('passing') as Buffer)
      expect(codeOf(await provider.unwrap(wrapped, context))).toBe('master_key_disabled')
      const nowhere = makeProvider('object=a?module-path=/nowhere/lib.so')
      expect(codeOf(await nowhere.wrap(key, context))).toBe('master_key_misconfigured')
    })

    test('a wrong PIN is told, once, and not shown', async () => {
      const script = join(directory, 'wrong-pin.ts')
      // All sessions of a process share a login: a process of its own has none.
      writeFileSync(
        script,
        `import { parseProvider } from ${JSON.stringify(join(import.meta.dirname, 'parse-provider.ts'))}
const parts = { environment: { ...process.env, AIDEON_PKCS11_PIN: '00001111' }, transport: {}, clock: () => new Date() }
const made = parseProvider(${JSON.stringify(`pkcs11:token=aideon;object=master${at}`)}, parts)
console.log(JSON.stringify(await made.value.wrap(Buffer.alloc(32), 'c')))`,
      )
      const said = execFileSync(process.execPath, [script], { encoding: 'utf8' })
      expect(JSON.parse(said)).toMatchObject({ ok: false, fault: { code: 'master_key_refused' } })
      expect(said).not.toContain('00001111')
    })
  },
)
