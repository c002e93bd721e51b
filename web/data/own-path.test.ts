import { expect, test } from 'vitest'
import { isOwnPath } from './own-path.ts'

const origin = 'https://keys.example'

test('a place to go on to is a path of ours, however it is spelt', () => {
  for (const path of ['/', '/models?q=a#b', '/%2F/evil.example', '/@evil.example'])
    expect(isOwnPath(path, origin), path).toBe(true)
  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/\n\\evil.example',
    '///evil.example',
  ]
  for (const path of [
    ...elsewhere,
    'https://evil.example',
    'javascript:alert(1)',
    'models',
    '',
    '//[',
    '\t//evil.example',
  ])
    expect(isOwnPath(path, origin), path).toBe(false)
})
