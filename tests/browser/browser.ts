import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { type Executable, packagedBrowser } from './packaged.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const elsewhere = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']

const systemBrowsers = (): string[] => [
  ...(process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((directory) => names.map((name) => join(directory, name)))
    .filter((path) => existsSync(path)),
  ...elsewhere.filter((path) => existsSync(path)),
]

// Root cannot use Chromium's sandbox; what it opens here is our own pages only. The rest keeps it off the network.
const parameters = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

const launch = ({ path, environment }: Executable): Promise<Browser> =>
  chromium.launch({
    executablePath: path,
    args: parameters,
    env: { ...(process.env as Record<string, string>), ...environment },
    timeout: 120_000,
  })

/**
 * The one from npm, which is Chromium without a window and takes a third less of the processor; where it does not run, the
 * system's (Ubuntu's chromium-browser may be a stub that only says how to install it).
 */
export const openBrowser = async (): Promise<Browser> => {
  try {
    return await openPackagedBrowser()
  } catch (error) {
    for (const path of systemBrowsers()) {
      try {
        return await launch({ path, environment: {} })
      } catch {
        // The next one.
      }
    }
    throw error
  }
}

export const openPackagedBrowser = async (): Promise<Browser> => launch(await packagedBrowser())
