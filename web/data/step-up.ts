/**
 * Some commands need a fresh proof that it is the user who sits there. `call` asks for it here and then sends the command
 * once more, so no form knows about it; the shell shows the dialog (web/security/step-up-gate.tsx). One dialog for all
 * commands that wait.
 */
let waiting: ((proven: boolean) => void)[] = []
const listeners = new Set<() => void>()

const tell = (): void => {
  for (const listener of listeners) listener()
}

export const canAskForProof = (): boolean => listeners.size > 0

/** True once it is proven; false when the person would rather not. */
export const askForProof = (): Promise<boolean> =>
  new Promise((resolve) => {
    waiting = [...waiting, resolve]
    tell()
  })

export const settleProof = (proven: boolean): void => {
  const settled = waiting
  waiting = []
  for (const resolve of settled) resolve(proven)
  tell()
}

export const isProofAsked = (): boolean => waiting.length > 0

/** Of the one place that shows the dialog, while it is there. */
export const subscribeToProof = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) settleProof(false)
  }
}
