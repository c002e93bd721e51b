import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { EndpointName } from '../../src/contract/endpoints.ts'
import type { Rotation } from '../../src/contract/rotation.ts'

/** What a step of a rotation changes elsewhere on the page is read anew when the step is seen, not when its time comes. */
export const useFollow = (rotation: Rotation | undefined, reads: readonly EndpointName[]): void => {
  const client = useQueryClient()
  const step = rotation === undefined ? 'none' : `${rotation.id} ${rotation.state}`
  const names = reads.join(' ')
  const seen = useRef(step)
  useEffect(() => {
    if (seen.current === step) return
    seen.current = step
    for (const name of names.split(' ')) void client.invalidateQueries({ queryKey: [name] })
  }, [client, step, names])
}
