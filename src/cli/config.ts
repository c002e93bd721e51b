import { homedir } from 'node:os'
import { type Config, type ConfigSources, readConfig } from '../config/config.ts'
import { unknownEnvironment } from '../config/settings.ts'

/** From the command line and this process' environment; ends the process with the reasons where that does not work. */
export const configFromProcess = (flags: ConfigSources['flags']): Config => {
  for (const name of unknownEnvironment(process.env))
    console.error(`Warning: ${name} is set, but there is no such setting.`)
  const result = readConfig({
    flags,
    environment: process.env,
    isRoot: process.getuid?.() === 0,
    homeDirectory: homedir(),
  })
  if (result.ok) return result.config
  for (const problem of result.problems) console.error(problem)
  return process.exit(2)
}
