import { IconLock } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useSyncExternalStore } from 'react'
import { CallFault } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import classes from '../shell/shell.module.css'

const saysSealed = (error: unknown): boolean => error instanceof CallFault && error.code === 'vault_sealed'

/** Whether something that this page asked for met a sealed vault. */
const useMetSealed = (): boolean => {
  const client = useQueryClient()
  const [queries, mutations] = [client.getQueryCache(), client.getMutationCache()]
  return useSyncExternalStore(
    (listener) => {
      const stops = [queries.subscribe(listener), mutations.subscribe(listener)]
      return () => {
        for (const stop of stops) stop()
      }
    },
    () =>
      queries.getAll().some((query) => query.isActive() && saysSealed(query.state.error)) ||
      saysSealed(mutations.getAll().at(-1)?.state.error),
  )
}

const refreshSeconds = 30

/** On every page: stored keys cannot be opened now. Administrators are told before they meet it. */
export const SealedBanner = () => {
  const { isPlatformAdministrator } = useMe()
  const meta = useRead('readMeta', {}, { refreshSeconds })
  const vault = useRead('readVault', {}, { enabled: isPlatformAdministrator, refreshSeconds })
  const met = useMetSealed()
  const elsewhere = vault.data?.processes.some((process) => process.sealed) ?? false
  const here = met || meta.data?.vaultSealed === true || vault.data?.sealed === true
  if (!here && !elsewhere) return null
  return (
    <section className={classes.sealed} role="alert" aria-label="Vault">
      <IconLock size={15} stroke={1.8} aria-hidden />
      <span>
        <strong>{here ? 'The vault is sealed' : 'The vault is sealed on a part of the processes'}</strong>:
        operations that need a stored key fail{here ? '' : ' there'} until its master key is back.{' '}
        {isPlatformAdministrator ? (
          <Link to="/admin/vault">See why, and what to do</Link>
        ) : (
          'Your keys are safe; the administrators are told.'
        )}
      </span>
    </section>
  )
}
