import { expect, test } from 'vitest'
import { browserName, isMobile } from './browser-name.ts'

test.each([
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0 Safari/537.36',
    'Chrome on Linux',
    false,
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
    true,
  ],
  ['Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Windows', false],
  ['curl/8.5.0', 'curl', false],
  [null, 'Unknown', false],
])('%s is %s', (userAgent, name, mobile) => {
  expect(browserName(userAgent)).toBe(name)
  expect(isMobile(userAgent)).toBe(mobile)
})
