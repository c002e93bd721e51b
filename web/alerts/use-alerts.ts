import { useNavigate } from '@tanstack/react-router'
import type { AlertOnWire } from '../../src/contract/alerts.ts'
import { useAct, useRead } from '../data/queries.ts'
import { tellFault } from '../ui/toast.tsx'

const refreshSeconds = 20
const newest = 6

/** The newest with the number of unread ones; whoever asks shares one read. */
export const useNewestAlerts = () => useRead('listAlerts', { query: { limit: newest } }, { refreshSeconds })

/** A path of this dashboard: what begins otherwise would lead elsewhere. */
const isOwnPath = (path: string): boolean => /^\/(?![/\\])/.test(path)

/** Reading an alert is what opening it does, too. */
export const useAlertActs = () => {
  const navigate = useNavigate()
  const readOne = useAct('markAlertRead', ['listAlerts'])
  const readAll = useAct('markAllAlertsRead', ['listAlerts'])
  const read = (alert: AlertOnWire) => {
    if (alert.readAt === null) readOne.mutate({ params: { id: alert.id } }, { onError: tellFault })
  }
  return {
    read,
    open: (alert: AlertOnWire) => {
      read(alert)
      if (alert.path !== null && isOwnPath(alert.path)) void navigate({ href: alert.path })
    },
    readAll: () => readAll.mutate({}, { onError: tellFault }),
    isReadingAll: readAll.isPending,
  }
}
