import { relative, sep } from 'node:path'
import { defineConfig, mergeConfig, type UserWorkspaceConfig } from 'vitest/config'
import common from '../../vitest.config.ts'
import { plantedBugs } from './bugs.ts'

/** The suite with one error in the product, named by AIDEON_PLANTED_BUG; without it, as it is. */
const bug = plantedBugs.find(({ id }) => id === process.env['AIDEON_PLANTED_BUG'])
const top = new URL('../..', import.meta.url).pathname

const planted = (path: string, source: string): string => {
  let text = source
  for (const edit of bug?.edits ?? [])
    if (edit.file === path) {
      if (text.split(edit.find).length !== 2) throw new Error(`${edit.find} is not once in ${path}.`)
      text = text.replace(edit.find, () => edit.replace)
    }
  return text
}

const plugins = [
  {
    name: 'planted-bug',
    enforce: 'pre' as const,
    transform: (source: string, id: string) =>
      planted(relative(top, id.split('?')[0] ?? id).replaceAll(sep, '/'), source),
  },
]

export default defineConfig({
  root: top,
  test: {
    ...common.test,
    globalSetup: [common.test?.globalSetup ?? [], new URL('./setup.ts', import.meta.url).pathname].flat(),
    // The cache of transformed modules does not know which error is planted.
    fsModuleCache: false,
    projects: (common.test?.projects ?? []).map((project) =>
      mergeConfig(project as UserWorkspaceConfig, { root: top, plugins, test: { fsModuleCache: false } }),
    ),
  },
})
