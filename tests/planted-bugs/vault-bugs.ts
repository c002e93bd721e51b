import type { PlantedBug } from './planted-bug.ts'

const version = 'src/vault/version.ts'
const masterKeys = 'src/vault/master-keys.ts'
const organizationKeys = 'src/vault/store-organization-keys.ts'

const rewrap = (test: string) => ({ file: 'src/vault/rewrap.db.test.ts', test })
const arriving = rewrap(
  'is wrapped by the promoted version or not at all, and promotion waits for one that is on its way',
)

export const vaultBugs: readonly PlantedBug[] = [
  {
    id: 'rewrap-overwrites',
    says: 'A key that was shredded while it was wrapped anew is put back',
    edits: [
      {
        file: 'src/vault/store-sealed.ts',
        find: 'WHERE organization_id = ${was.of} AND master_key = ${was.masterKey} AND wrapped_key = ${was.wrappedKey}`',
        replace: 'WHERE organization_id = ${was.of} AND master_key = ${was.masterKey}`',
      },
    ],
    caughtBy: rewrap('is left as it is: a revoked secret stays destroyed, and what came later stays'),
  },
  {
    id: 'promoted-too-early',
    says: 'A version is promoted before every process can unwrap it',
    edits: [{ file: masterKeys, find: '(one) => !one.versions.includes(version)', replace: '() => false' }],
    caughtBy: rewrap('waits for every process that cannot unwrap the new version, and names it'),
  },
  {
    id: 'destroyed-while-needed',
    says: 'A version that something still needs is destroyed',
    edits: [{ file: masterKeys, find: 'if (needed !== undefined)', replace: 'if (needed === null)' }],
    caughtBy: rewrap('destroys no version that is in use or needed'),
  },
  {
    id: 'provider-from-database',
    says: 'A provider that somebody wrote into the database is asked',
    edits: [
      {
        file: version,
        find: ' && timingSafeEqual(row.voucher, expected)',
        replace: ' && timingSafeEqual(expected, expected)',
      },
    ],
    caughtBy: rewrap('is not believed of a row that no version vouches for'),
  },
  {
    id: 'canary-unread',
    says: 'A master key is used without the proof on its canary',
    edits: [
      {
        file: version,
        find: 'decrypt(masterKey.value.keys, format, canaryPlaceOf(id), canary) === null',
        replace: 'decrypt(masterKey.value.keys, format, canaryPlaceOf(id), canary) === undefined',
      },
    ],
    caughtBy: {
      file: 'src/vault/open-vault.db.test.ts',
      test: 'was changed, and nothing is replaced',
    },
  },
  {
    id: 'wrapped-by-retired',
    says: 'A new organization key is wrapped by a version that is not promoted any more',
    edits: [{ file: organizationKeys, find: "AND state = 'promoted' FOR SHARE", replace: 'FOR SHARE' }],
    caughtBy: arriving,
  },
  {
    id: 'promotion-overtakes',
    says: 'Promotion does not wait for an organization key that is on its way',
    edits: [{ file: organizationKeys, find: "state = 'promoted' FOR SHARE", replace: "state = 'promoted'" }],
    caughtBy: arriving,
  },
  {
    id: 'shred-is-cached',
    says: 'A process goes on to open secrets of an organization that was shredded',
    edits: [
      {
        file: 'src/vault/vault.ts',
        find: 'organizationIds: [organizationId]',
        replace: "organizationIds: ['x']",
      },
    ],
    caughtBy: {
      file: 'src/vault/vault.db.test.ts',
      test: 'has no secret that opens on any process, when the change has returned, and none can be sealed',
    },
  },
]
