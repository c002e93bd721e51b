import { expect, test } from 'vitest'
import { permissions, roles } from '../../src/contract/permissions.ts'
import { permissionWords } from './role-words.ts'

test('the table of roles has a line for everything that tells roles apart', () => {
  const shown = new Set(permissionWords.map(([permission]) => permissions[permission].join()))
  for (const [name, allowed] of Object.entries(permissions))
    if (allowed.length < roles.length) expect(shown, name).toContain(allowed.join())
})
