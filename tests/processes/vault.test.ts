import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { vaultDestroy, vaultMove, vaultStatus, vaultVerify } from '../../src/cli/vault.ts'
import { must } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import type { SecretBinding } from '../../src/vault/vault.ts'
import { cloneDatabase } from '../database.ts'
import { insertOrganization } from '../service-keys.ts'
import { stageConfig } from '../stage.ts'
import { openTestVault, vaultTestKey } from '../vault.ts'
import { formerVault, storeFormerCanary } from '../vault-format-1.ts'

const operator = { kind: 'operator', id: null } as const
const bytes = () => Buffer.from(vaultTestKey, 'base64')

/** Works in a process of its own that kills itself when it has done so many; tells by what signal it ended. */
const workUntil = async (url: string, done: number): Promise<NodeJS.Signals | null> => {
  const child = fork(join(import.meta.dirname, 'vault-child.ts'), [url, String(done)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal
}

test('killed again and again while secrets are sealed anew and keys wrapped anew, it loses nothing and counts each once', async () => {
  await using clone = await cloneDatabase()
  const { pool } = clone.database
  await storeFormerCanary(clone.database, bytes())
  const former = formerVault(bytes())
  const stored: { binding: SecretBinding; secret: string }[] = []
  for (let n = 0; n < 12; n++) {
    const { organizationId, userId } = await insertOrganization(clone.database)
    const at = { organizationId, owner: 'user', userId, serviceId: 'openai', version: 1 } as const
    const binding = { ...at, serviceKeyId: newId() }
    const { masterKeyId, wrappedKey, sealedSecret } = former.seal(binding, `secret ${n}`)
    await pool.query(
      `INSERT INTO service_keys (organization_id, id, owner, user_id, service_id, label, last_four, fingerprint)
       VALUES ($1, $2, 'user', $3, 'openai', 'one', 'abcd', '\\x00')`,
      [organizationId, binding.serviceKeyId, userId],
    )
    await pool.query(
      `INSERT INTO service_key_versions (organization_id, service_key_id, version, master_key_id, wrapped_key, sealed_secret)
       VALUES ($1, $2, 1, $3, $4, $5)`,
      [organizationId, binding.serviceKeyId, masterKeyId, wrappedKey, sealedSecret],
    )
    stored.push({ binding, secret: `secret ${n}` })
  }

  const { vault, masterKeys, close } = await openTestVault(clone.database)
  const opensAll = async () => {
    for (const { binding, secret } of stored) {
      const { rows } = await pool.query(
        `SELECT master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
         FROM service_key_versions WHERE service_key_id = $1`,
        [binding.serviceKeyId],
      )
      expect(await vault.open(binding, rows[0])).toEqual({ ok: true, value: secret })
    }
  }
  const killedAt = async (done: number): Promise<void> => {
    expect(await workUntil(clone.url, done)).toBe('SIGKILL')
    // Until then nobody else goes on, in case that it only was slow.
    await pool.query('UPDATE vault_changes SET claimed_until = now()')
    must(await masterKeys.unseal())
    await opensAll()
  }
  await killedAt(5)
  expect(await masterKeys.work()).toMatchObject({ total: 12n, done: 12n, state: 'done' })
  await opensAll()

  must(await masterKeys.rotate(operator))
  await killedAt(4)
  expect(await masterKeys.work()).toMatchObject({ total: 13n, done: 13n, state: 'done' })
  await opensAll()
  expect(must(await masterKeys.verify())).toMatchObject({
    ok: true,
    secrets: 12,
    organizationKeys: 12,
    former: 0,
  })
  await close()
})

const commandLine = join(import.meta.dirname, '../../src/cli/cli.ts')

test('the command moves the master key, shows what there is, and tells how it went by its exit code', async () => {
  await using clone = await cloneDatabase()
  const said: string[] = []
  const [log, error] = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')]
  for (const spy of [log, error]) spy.mockImplementation((line: string) => void said.push(line))
  const configWith = (environment: Record<string, string>) =>
    stageConfig({ DATABASE_URL: clone.url, AIDEON_LOG_LEVEL: 'silent', ...environment })
  const next = Buffer.alloc(32, 'another key').toString('base64')

  const both = configWith({ AIDEON_MASTER_KEY: vaultTestKey, NEXT_KEY: next })
  expect(await vaultMove(both, 'env:NEXT_KEY', 'for a test')).toBe(0)
  expect(said.at(-1)).toBe('move: done, version 2, 1 wrapped anew')
  // Whoever has neither the former key nor been told of the new one is sealed, and hears what to do.
  expect(await vaultStatus(configWith({ AIDEON_MASTER_KEY: next.replace(/^./, 'A') }), {})).toBe(1)
  expect(said.join('\n')).toMatch(/SEALED: .*AIDEON_MASTER_KEY_PROVIDER/)
  const environment = { NEXT_KEY: next, AIDEON_MASTER_KEY_PROVIDER: 'env:NEXT_KEY' }
  const informed = configWith(environment)
  expect(await vaultDestroy(informed, '1', undefined)).toBe(0)
  expect(await vaultDestroy(informed, '2', undefined)).toBe(1)
  expect(await vaultDestroy(informed, 'newest', undefined)).toBe(2)
  expect(await vaultVerify(informed)).toBe(0)
  for (const spy of [log, error]) spy.mockRestore()
  expect(await vaultStatus(configWith({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' }), {})).toBe(2)

  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    DATABASE_URL: clone.url,
    ...environment,
  }
  const argv = ['--disable-warning=ExperimentalWarning', commandLine, 'vault', 'status', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env })
  expect(JSON.parse(stdout)).toMatchObject({
    sealed: false,
    promoted: { version: 2, provider: 'env:NEXT_KEY', references: 1 },
    versions: [{ version: 2 }, { version: 1, state: 'destroyed' }],
    change: { kind: 'move', state: 'done' },
  })
  for (const key of [vaultTestKey, next]) expect(said.join('\n') + stdout).not.toContain(key)
})
