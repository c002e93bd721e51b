import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react'
import { isProofAsked, settleProof, subscribeToProof } from '../data/step-up.ts'

const StepUpDialog = lazy(async () => ({ default: (await import('./step-up-dialog.tsx')).StepUpDialog }))

/** In the shell: shows the dialog when a command needs a fresh proof. Small, because every page has it. */
export const StepUpGate = () => {
  const asked = useSyncExternalStore(subscribeToProof, isProofAsked)
  // Mantine's dialogs all listen for escape on the window, so one key would close the dialog underneath as well, with
  // what was entered there. This listener is older than theirs.
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || !isProofAsked()) return
      event.stopImmediatePropagation()
      settleProof(false)
    }
    window.addEventListener('keydown', onKey, { capture: true })
    return () => window.removeEventListener('keydown', onKey, { capture: true })
  }, [])
  if (!asked) return null
  return (
    <Suspense>
      <StepUpDialog />
    </Suspense>
  )
}
