import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../src/kit/log.ts'
import { type Gateway, startGateway } from '../src/main.ts'
import { openStage, stageConfig } from './stage.ts'
import { vaultTestKey } from './vault.ts'

/** Dashboards and management go on, whatever needs a secret says so, and nobody has to start it again. */
test('a gateway whose key is not there serves what needs none, says what is missing, and opens by itself', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'aideon-sealed-'))
  const keyFile = join(directory, 'key')
  await writeFile(keyFile, vaultTestKey)
  const environment = { AIDEON_MASTER_KEY: '', AIDEON_MASTER_KEY_FILE: keyFile, AIDEON_DATA_DIR: directory }
  await using stage = await openStage(environment)
  const person = await stage.person({ fallback: 'none', creditMicros: 0n })
  await stage.ownKey(person, 'openai')
  const call = async ({ url }: Pick<Gateway, 'url'>) => {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] }),
    })
    return { status: reply.status, text: await reply.text() }
  }
  const get = async ({ url }: Pick<Gateway, 'url'>, path: string) => {
    const reply = await fetch(url + path)
    return { status: reply.status, body: await reply.json() }
  }
  expect(await call(stage)).toMatchObject({ status: 200 })
  expect(await get(stage, '/healthz')).toEqual({ status: 200, body: { status: 'ok' } })

  await rename(keyFile, `${keyFile}.away`)
  const config = stageConfig({
    AIDEON_PORT: '0',
    DATABASE_URL: stage.clone.url,
    AIDEON_LOG_LEVEL: 'silent',
    AIDEON_DASHBOARDS: 'false',
    ...environment,
  })
  const sealed = await startGateway(config, silentLog)
  try {
    expect(sealed.notices.join('\n')).toMatch(/THE VAULT IS SEALED: .*key cannot be read \(ENOENT\)/)
    expect(await get(sealed, '/healthz')).toEqual({ status: 503, body: { status: 'sealed' } })
    expect(await get(sealed, '/healthz?sealed=ok')).toEqual({ status: 200, body: { status: 'sealed' } })
    expect(await get(sealed, '/api/meta')).toMatchObject({ status: 200, body: { vaultSealed: true } })
    const refused = await call(sealed)
    expect(refused.status).toBe(503)
    expect(refused.text).toContain('vault_sealed')
    expect(refused.text).not.toContain(keyFile)
    const { serviceKeys, longOperations } = sealed.rooms
    const owner = { organizationId: person.organizationId, userId: person.userId }
    expect(await serviceKeys.listForGateway(owner.organizationId, owner.userId)).toHaveLength(1)
    const added = await serviceKeys.add(
      { kind: 'operator', id: null },
      { ...owner, owner: 'user', serviceId: 'openai', secret: 'sk-proj-0123456789abcdefghij' },
    )
    expect(added).toMatchObject({ fault: { code: 'vault_sealed' } })
    expect(await longOperations.webhooks.signingSecret(owner)).toMatchObject({
      fault: { code: 'vault_sealed' },
    })
    expect(await sealed.rooms.auditTrail.signCheckpoints()).toBe(0)
    // The one that has the key goes on as if nothing were.
    expect(await call(stage)).toMatchObject({ status: 200 })

    await rename(`${keyFile}.away`, keyFile)
    await expect.poll(() => get(sealed, '/healthz')).toMatchObject({ status: 200 })
    expect(await call(sealed)).toMatchObject({ status: 200 })
    expect(await get(sealed, '/api/meta')).toMatchObject({ body: { vaultSealed: false } })
  } finally {
    await sealed.stop()
    await rm(directory, { recursive: true, force: true })
  }
})
