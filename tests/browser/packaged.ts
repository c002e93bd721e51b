import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface Executable {
  readonly path: string
  readonly environment: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
const packageDirectory = join(dirname(require.resolve('@sparticuz/chromium')), '..')
const { version } = require(join(packageDirectory, 'package.json')) as { version: string }

/**
 * The browser of the npm package, unpacked once (210 MB) into node_modules/.cache. The package unpacks into the system's
 * temporary directory, where half-written files pass for whole ones: so a process with a temporary directory of its own
 * does it, which gets its lasting name when it is whole.
 */
const unpacked = async (): Promise<string> => {
  const target = join(packageDirectory, `../../.cache/chromium-${version}`)
  if (existsSync(target)) return target
  const partial = `${target}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', unpack], {
      cwd: import.meta.dirname,
      env: { ...process.env, TMPDIR: partial },
    })
    writeFileSync(join(partial, 'fonts/fonts.conf'), fontsBesideIt)
    renameSync(partial, target)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    // Another process may have been faster.
    if (!existsSync(target)) throw error
  }
  return target
}

const unpack = `
  import packaged, { inflate } from '@sparticuz/chromium'
  await packaged.executablePath()
  await inflate(${JSON.stringify(join(packageDirectory, 'bin/al2023.tar.br'))})
`

/** The package's own names /tmp/fonts and the like; without a single font the browser ends at the first page. */
const fontsBesideIt = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/** Linux on x64 only. Its libraries of NSS come first: a bare Debian has none, and no harm is done where there are some. */
export const packagedBrowser = async (): Promise<Executable> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      'The packaged browser is for Linux on x64: install Chromium or Chrome for the browser tests.',
    )
  const directory = await unpacked()
  return {
    path: join(directory, 'chromium'),
    environment: {
      FONTCONFIG_PATH: join(directory, 'fonts'),
      LD_LIBRARY_PATH: [join(directory, 'al2023/lib'), process.env['LD_LIBRARY_PATH']]
        .filter(Boolean)
        .join(':'),
    },
  }
}
