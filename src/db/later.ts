import type { Log } from '../kit/log.ts'
import { beyondTenants } from './tenant-scope.ts'
import { isPassing } from './writer.ts'

export interface Later<Item> {
  add(item: Item): void
  /** What is left then is left to whoever finds this process dead. */
  stop(): void
}

const pauseMs = 1_000

/** Work that must be done but that nobody waits for any more, tried until the database has done it. */
export const makeLater = <Item>(options: {
  readonly work: (item: Item) => Promise<void>
  readonly log: Log
}): Later<Item> => {
  const waiting: Item[] = []
  let timer: NodeJS.Timeout | null = null
  let isStopped = false

  const start = () => {
    if (timer || isStopped) return
    timer = beyondTenants(() => setTimeout(() => void workOff(), pauseMs))
    timer.unref()
  }

  const workOff = async () => {
    // Each item once a round, so that one that always fails does not stop the others.
    for (let left = waiting.length; left > 0; left--) {
      if (isStopped) return
      const item = waiting.shift() as Item
      try {
        await options.work(item)
      } catch (error) {
        waiting.push(item)
        if (isPassing(error)) break
        options.log.error({ err: error }, 'late work failed and will be tried again')
      }
    }
    timer = null
    if (waiting.length > 0) start()
  }

  return {
    add: (item) => {
      waiting.push(item)
      start()
    },
    stop: () => {
      isStopped = true
      if (timer) clearTimeout(timer)
    },
  }
}
