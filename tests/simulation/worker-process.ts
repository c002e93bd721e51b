import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { News } from './worker-child.ts'

export interface WorkerProcess {
  tell(news: News): void
  kill(): void
  readonly exit: Promise<unknown>
}

/** Resolves when it is ready to be told. */
export const startWorkerProcess = async (
  environment: Readonly<Record<string, string>>,
  acknowledged: (newsId: string) => void,
): Promise<WorkerProcess> => {
  const child = fork(join(import.meta.dirname, 'worker-child.ts'), {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'close').finally(() => process.off('exit', kill))
  child.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: string) => (message === 'ready' ? resolve() : acknowledged(message)))
    void exit.then(() => reject(new Error('A worker ended before it was ready.')))
  })
  return { tell: (news) => void (child.connected && child.send(news, () => {})), kill, exit }
}
