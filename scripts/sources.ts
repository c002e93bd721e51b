import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SourceFile } from './house-rules.ts'

const top = join(import.meta.dirname, '..')
const everything = ['src', 'web', 'simulator', 'tests', 'scripts', 'bin', 'bench', 'sdk']

/** Breaks the rules on purpose, in texts that it checks. */
const planted = 'tests/house.test.ts'

export const readSources = (folders: readonly string[] = everything): SourceFile[] =>
  folders.flatMap((folder) =>
    readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter(
        (path) => /\.[cm]?[jt]sx?$/.test(path) && !/\/(node_modules|dist)\//.test(path) && path !== planted,
      )
      .map((path) => ({ path, text: readFileSync(join(top, path), 'utf8') })),
  )
