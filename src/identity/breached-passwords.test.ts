import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeLog, silentLog } from '../kit/log.ts'
import { openBreachedPasswords } from './breached-passwords.ts'

describe('leaked passwords are found in files on this machine', () => {
  let directory: string
  const leaked = Array.from({ length: 200 }, (_, index) => `leaked password ${index}`)
  const sha1 = (text: string) => hash('sha1', text, 'hex').toUpperCase()

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'aideon-breached-'))
    const lines = leaked.map((password, index) => `${sha1(password)}:${index + 1}`).sort()
    writeFileSync(join(directory, 'sorted.txt'), `${lines.join('\r\n')}\r\n`)
    // No end of the last line, digits in lower case.
    writeFileSync(join(directory, 'plain'), lines.join('\n').toLowerCase())
    const [prefix, suffix] = [sha1('leaked password 7').slice(0, 5), sha1('leaked password 7').slice(5)]
    writeFileSync(join(directory, `${prefix}.txt`), `${'0'.repeat(35)}:3\r\n${suffix}:12\r\n`)
    const padding = sha1('only padding')
    writeFileSync(join(directory, padding.slice(0, 5)), `${padding.slice(5)}:0\n`)
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  test.each(['sorted.txt', 'plain'])(
    'every one in one sorted file (%s), and nothing that is not there',
    async (name) => {
      const file = await openBreachedPasswords(join(directory, name), silentLog)
      for (const password of leaked) expect(await file?.has(password), password).toBe(true)
      for (let index = 0; index < 50; index++) expect(await file?.has(`never leaked ${index}`)).toBe(false)
    },
  )

  test('in range files by the first five digits; padding is no leak', async () => {
    const ranges = await openBreachedPasswords(directory, silentLog)
    expect(await ranges?.has('leaked password 7')).toBe(true)
    expect(await ranges?.has('leaked password 8')).toBe(false)
    expect(await ranges?.has('only padding')).toBe(false)
  })

  test('a range that is not there is told of once, without a part of any hash', async () => {
    const lines: string[] = []
    const log = makeLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } })
    const ranges = await openBreachedPasswords(directory, log)
    for (const password of ['never leaked', 'never leaked 2', 'leaked password 8'])
      expect(await ranges?.has(password)).toBe(false)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('AIDEON_BREACHED_PASSWORDS')
    expect(lines[0]).not.toContain(sha1('never leaked').slice(0, 5))
  })

  test.each(['nothing', 'empty', 'wrong', 'wrong/notes.txt', 'empty.txt'])(
    'what holds no list is told of at the start: %s',
    async (name) => {
      mkdirSync(join(directory, 'empty'), { recursive: true })
      mkdirSync(join(directory, 'wrong'), { recursive: true })
      writeFileSync(join(directory, 'wrong', 'notes.txt'), 'password\n123456\n')
      writeFileSync(join(directory, 'empty.txt'), '')
      await expect(openBreachedPasswords(join(directory, name), silentLog)).rejects.toThrow(
        'AIDEON_BREACHED_PASSWORDS',
      )
    },
  )
})
