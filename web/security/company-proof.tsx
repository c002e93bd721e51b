import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Me } from '../../src/contract/session.ts'
import type { CallFault } from '../data/call.ts'
import { goToCompany, onCompanyWindowOver, openCompanyWindow } from '../data/company-proof.ts'
import { meQuery } from '../data/session.ts'
import { settleProof } from '../data/step-up.ts'
import { Notice } from '../ui/notice.tsx'

/** What is known of the other window. `back`: somebody looks at this one again, and it is not proven yet. */
type Stage = 'unopened' | 'open' | 'back' | 'refused'

/** By signing in again, in another window, where this session comes from. */
export const useCompanyProof = () => {
  const client = useQueryClient()
  const [stage, setStage] = useState<Stage>('unopened')
  const begin = useMutation<void, CallFault, Window | null>({
    mutationFn: goToCompany,
    onMutate: () => setStage('open'),
    onError: () => setStage('unopened'),
  })
  const look = useMutation<Me, CallFault, Stage>({
    mutationFn: () => client.fetchQuery({ ...meQuery, staleTime: 0 }),
    onSuccess: (me, otherwise) => {
      if (me.stepUp.validUntil !== null) settleProof(true)
      else setStage((now) => (now === 'refused' ? now : otherwise))
    },
  })
  const isOpened = stage !== 'unopened'
  const { mutate } = look
  useEffect(() => {
    if (!isOpened) return
    const stop = onCompanyWindowOver(() => mutate('refused'))
    const onFocus = () => mutate('back')
    window.addEventListener('focus', onFocus)
    return () => {
      stop()
      window.removeEventListener('focus', onFocus)
    }
  }, [isOpened, mutate])
  return {
    stage,
    isPending: begin.isPending,
    error: begin.error ?? look.error,
    open: () => begin.mutate(openCompanyWindow()),
  }
}

export const CompanyProofState = ({ stage }: { stage: Stage }) => {
  if (stage === 'unopened') return null
  if (stage === 'refused')
    return (
      <Notice tone="bad" live title="Your company’s sign-in did not confirm it">
        The other window says why. Try again, or use another way.
      </Notice>
    )
  return (
    <Notice tone="info" live title="Sign in again in the other window">
      {stage === 'open'
        ? 'This goes on by itself as soon as you have.'
        : 'Not confirmed yet. If the window is closed, open it again, or use another way.'}
    </Notice>
  )
}
