import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openCountries } from './country.ts'

const log = pino({ level: 'silent' })
const fixture = 'tests/fixtures/countries/GeoIP2-Country-Test.mmdb'
const request = (headers: IncomingHttpHeaders, remoteAddress = '127.0.0.1') =>
  ({ headers, socket: { remoteAddress } }) as IncomingMessage

test.each([
  ['de', 'DE'],
  [' BR ', 'BR'],
  ['XX', null],
  ['ZZ', null],
  ['T1', null],
  ['DE, BR', null],
  [['DE', 'BR'], null],
  [undefined, null],
])('what a proxy says, %j, is %j', async (said, country) => {
  const countries = await openCountries({ header: 'x-country', database: fixture, trustedProxies: [], log })
  expect(countries?.of(request({ 'x-country': said }, '81.2.69.160'))).toBe(country)
})

test('without a proxy’s word a database says it, by the address that a trusted proxy vouches for and no other', async () => {
  const open = { header: null, database: fixture, trustedProxies: ['10.0.0.0/8'], log }
  const countries = await openCountries(open)
  const of = (address: string, forwarded?: string) =>
    countries?.of(request(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, address))
  try {
    expect(of('81.2.69.160')).toBe('GB')
    expect(of('2001:218::1')).toBe('JP')
    expect(of('::ffff:81.2.69.160')).toBe('GB')
    expect(of('192.0.2.1')).toBeNull()
    expect(of('10.1.2.3', '2001:218::1, 81.2.69.160')).toBe('GB')
    expect(of('81.2.69.160', '2001:218::1')).toBe('GB')
    expect(of('10.1.2.3', 'nonsense')).toBeNull()
  } finally {
    countries?.close()
  }
  expect(await openCountries({ ...open, database: null })).toBeNull()
})

test('a file that is no such database ends the start, and says which setting names it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aideon-countries-'))
  const path = join(folder, 'countries.mmdb')
  const open = { header: null, database: path, trustedProxies: [], log }
  try {
    await expect(openCountries(open)).rejects.toThrow('AIDEON_COUNTRY_DATABASE')
    await writeFile(path, 'no database')
    await expect(openCountries(open)).rejects.toThrow('AIDEON_COUNTRY_DATABASE')
    await copyFile(fixture, path)
    const countries = await openCountries(open)
    countries?.close()
    expect(countries?.of(request({}, '81.2.69.160'))).toBe('GB')
  } finally {
    await rm(folder, { recursive: true })
  }
})
