import { useRouterState } from '@tanstack/react-router'
import { useMemo } from 'react'
import { arePagesEmbedded } from '../data/call.ts'
import { useMe } from '../data/session.ts'
import { whereIs } from './find-place.ts'
import { areasFor } from './places.ts'

/** Where one may go, and where one is. */
export const useAreas = () => {
  const me = useMe()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const areas = useMemo(() => areasFor(me, arePagesEmbedded()), [me])
  return { areas, here: useMemo(() => whereIs(areas, path), [areas, path]) }
}
