import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { surroundings } from '../processes/gateway-process.ts'
import type { Answer, News } from './worker-child.ts'

export interface WorkerProcess {
  /** Where it takes webhooks. */
  readonly port: number
  tell(news: News): void
  kill(): void
  readonly exit: Promise<unknown>
}

/** Resolves when it is ready to be told. */
export const startWorkerProcess = async (
  environment: Readonly<Record<string, string>>,
  answered: (answer: Answer) => void,
): Promise<WorkerProcess> => {
  const child = fork(join(import.meta.dirname, 'worker-child.ts'), {
    env: { ...surroundings(), ...environment },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'close').finally(() => process.off('exit', kill))
  child.on('error', () => {})
  const port = await new Promise<number>((resolve, reject) => {
    child.on('message', (message: number | Answer) =>
      typeof message === 'number' ? resolve(message) : answered(message),
    )
    void exit.then(() => reject(new Error('A worker ended before it was ready.')))
  })
  return { port, tell: (news) => void (child.connected && child.send(news, () => {})), kill, exit }
}
