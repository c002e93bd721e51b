import { spawn } from 'node:child_process'
import module from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findNode, isAtLeast } from './choose-node.mjs'

/** Compiled sources, which take more than half of the time of a start. Beside the packages: whoever may write there may do more. */
const compileCache =
  process.env.NODE_COMPILE_CACHE ?? fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url))

/**
 * Runs a script with a Node.js that can, and ends as it ends. `supervised` opens a channel by which the script sees that
 * this process was killed and ends too, instead of staying behind unseen.
 *
 * @param {string} script
 * @param {string[]} parameters
 * @param {{ supervised?: boolean }} [options]
 */
export const launch = async (script, parameters, options = {}) => {
  const node = findNode()
  if ('problem' in node) {
    console.error(node.problem)
    process.exitCode = 1
    return
  }
  // Before 24.12 a warning about TypeScript would be printed, which only a new process can be told to leave out.
  if (node.path === process.execPath && isAtLeast(node.version, '24.12.0')) {
    module.enableCompileCache(compileCache)
    process.argv = [process.execPath, script, ...parameters]
    await import(pathToFileURL(script).href)
    return
  }
  const child = spawn(node.path, ['--disable-warning=ExperimentalWarning', script, ...parameters], {
    stdio: options.supervised ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
    env: { ...process.env, AIDEON_NODE: node.path, NODE_COMPILE_CACHE: compileCache },
  })
  // A terminal's Ctrl-C reaches the child by itself as well: it counts signals that come together as one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`${node.path} could not be started: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}
