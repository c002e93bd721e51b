import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { CallFault, call } from '../data/call.ts'
import { Notice } from '../ui/notice.tsx'
import classes from './shell.module.css'

const retryMilliseconds = 4_000

/** 502 and 504: a proxy in front of the gateway says what a refused connection would. A sealed vault has its own banner. */
const isOutage = (error: unknown): boolean =>
  error instanceof CallFault && [0, 502, 503, 504].includes(error.status) && error.code !== 'vault_sealed'

/**
 * Pages keep showing what they had read when the gateway stops answering. This says that it may be old, waits for the
 * gateway with one small question, then reads again whatever had failed.
 */
export const Connection = () => {
  const client = useQueryClient()
  const cache = client.getQueryCache()
  const lost = useSyncExternalStore(
    (listener) => cache.subscribe(listener),
    () => cache.getAll().some((query) => query.isActive() && isOutage(query.state.error)),
  )
  useEffect(() => {
    if (!lost) return
    const again = async (): Promise<void> => {
      await call('readMeta', {})
      await client.refetchQueries({ type: 'active', predicate: (query) => isOutage(query.state.error) })
    }
    const timer = setInterval(() => void again().catch(() => undefined), retryMilliseconds)
    return () => clearInterval(timer)
  }, [client, lost])
  if (!lost) return null
  return (
    <div className={classes.connection}>
      <Notice tone="warning" live title="The gateway does not answer">
        What you see may be old. This page goes on by itself when it is back.
      </Notice>
    </div>
  )
}
