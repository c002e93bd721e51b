import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { localMoment } from '../admin-billing/local-moment.ts'
import { useNow, useTimeZone } from '../ui/figures.tsx'

/** When an exception ends, as it is typed; `at` is null for never. */
export const useExceptionEnd = (before: string | null = null) => {
  const [text, setText] = useState(before === null ? '' : localMoment(new Date(before)))
  const now = useNow()
  const zone = useTimeZone()
  const isOver = text !== '' && new Date(text) <= now
  return {
    at: text === '' ? null : new Date(text).toISOString(),
    isOver,
    input: (
      <TextInput
        type="datetime-local"
        label="Ends (optional)"
        description={`Empty: when somebody takes it back. Times in ${zone}.`}
        min={localMoment(now)}
        error={isOver && 'A time to come.'}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    ),
  }
}
