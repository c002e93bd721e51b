import { IconAlertTriangle } from '@tabler/icons-react'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { useRead } from '../data/queries.ts'
import { Mark } from '../ui/mark.tsx'

/** Beside the state of a key that worked and was then refused all at once. Asked for only where a key is refused. */
export const LeakMark = (props: { of: ServiceKey; managed: boolean }) => {
  const isRefused = props.of.status === 'invalid'
  const own = useRead('readKeyHygiene', {}, { enabled: isRefused && !props.managed })
  const all = useRead('readAllKeyHygiene', {}, { enabled: isRefused && props.managed })
  const item = (props.managed ? all : own).data?.items.find(({ id }) => id === props.of.id)
  if (!isRefused || !item?.findings.some(({ finding }) => finding === 'possibly_leaked')) return null
  return (
    <Mark tone="bad" icon={IconAlertTriangle}>
      Possibly leaked
    </Mark>
  )
}
