import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { CallFault } from '../data/call.ts'

const latest = new Map<string, string>()

/**
 * Says that something was done; with `undo` there is time to take it back. The part of the page that did it may be gone
 * by then, so what becomes of undoing is told here: mutations tell callbacks of removed components nothing. `about`: takes
 * the place of what was said before about the same thing, whose undoing would be out of date.
 */
export const tellDone = (message: string, undo?: () => Promise<unknown>, about?: string): void => {
  const before = about === undefined ? undefined : latest.get(about)
  if (before !== undefined) notifications.hide(before)
  const id = notifications.show({
    message: undo ? (
      <span style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between', gap: 12 }}>
        {message}
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            notifications.hide(id)
            void undo().then(() => tellDone('Undone.'), tellFault)
          }}
        >
          Undo
        </Button>
      </span>
    ) : (
      message
    ),
    autoClose: undo ? 9000 : 4000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Dismiss' },
  })
  if (about !== undefined) latest.set(about, id)
}

/** For faults of actions that have no form to show them in. */
export const tellFault = (error: unknown): void => {
  const known = error instanceof CallFault ? error : null
  notifications.show({
    title: known?.message ?? 'That did not work.',
    message: known?.next ?? 'Reload the page and try again.',
    color: 'red',
    autoClose: 9000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Dismiss' },
  })
}
