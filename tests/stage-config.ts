import { tmpdir } from 'node:os'
import { readConfig } from '../src/config/config.ts'

export const stageConfig = (environment: Record<string, string>) => {
  const read = readConfig({ flags: {}, environment, isRoot: false, homeDirectory: tmpdir() })
  if (!read.ok) throw new Error(read.problems.join(' '))
  return read.config
}
