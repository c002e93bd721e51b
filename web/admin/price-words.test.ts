import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseUsd, priceText, usdField } from './price-words.ts'

test.each([
  [{ unit: 'input', nanoUsd: '3000000000', per: '1000000' }, '$3.00 / 1M tokens'],
  [{ unit: 'input', nanoUsd: '300', per: '1' }, '$0.30 / 1M tokens'],
  [{ unit: 'image:1024x1024:hd', nanoUsd: '80000000', per: '1' }, '$0.08 each'],
  [{ unit: 'characters', nanoUsd: '15000000000', per: '1000000' }, '$15.00 / 1M characters'],
  [{ unit: 'audio_seconds', nanoUsd: '150000000', per: '3600' }, '$0.15 / hour'],
  [{ unit: 'search', nanoUsd: '10000000000', per: '1000' }, '$10.00 / 1,000'],
  [{ unit: 'request', nanoUsd: '0', per: '1' }, 'free of charge'],
])('a price is written so that nobody has to count noughts: %o', (price, text) => {
  expect(priceText(price)).toBe(text)
})

test('an amount in a field is read as it was written, without a float on the way', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 99_999_999_999_999_999n }), (nanoUsd) => {
      expect(parseUsd(usdField(String(nanoUsd)))).toBe(String(nanoUsd))
    }),
  )
  for (const wrong of ['', '-1', '1e-7', '.5', '0.0000000001', 'two', '1.2.3'])
    expect(parseUsd(wrong)).toBeNull()
})
