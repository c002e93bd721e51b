import { Radio, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { KeyRotation, RotationMode } from '../../src/contract/rotation.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { spanWords } from './rotation-words.ts'

/** Starts a rotation now: the careful way, or the one for a key that others may have. */
export const RotateDialog = (props: { of: KeyRotation; actions: RotationActions; onClose: () => void }) => {
  const { of, actions } = props
  const [mode, setMode] = useState<RotationMode>('normal')
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const close = () => {
    actions.start.reset()
    props.onClose()
  }
  const overlap = of.effective.overlapSeconds
  return (
    <FormDialog
      opened
      title={`Rotate “${of.key.label}”`}
      submit={mode === 'breach' ? 'Replace the key at once' : 'Rotate now'}
      danger={mode === 'breach'}
      busy={actions.start.isPending}
      error={actions.start.error}
      blocked={mode === 'breach' && typed.trim() !== 'leaked'}
      onSubmit={() =>
        actions.start.mutate(
          { key: of.key, mode, reason: reason.trim() || undefined },
          {
            onSuccess: () => {
              tellDone(
                of.automatic
                  ? `“${of.key.label}” is being rotated. This page follows it.`
                  : `The rotation of “${of.key.label}” waits for the new key.`,
              )
              close()
            },
          },
        )
      }
      onClose={close}
    >
      <Radio.Group
        label="How"
        value={mode}
        onChange={(value) => setMode(value === 'breach' ? 'breach' : 'normal')}
      >
        <Stack gap={10} mt={6}>
          <Radio
            value="normal"
            label="Without interruption"
            description={`The new key is made and proven first. The old one stays valid ${
              overlap === null || overlap === 0
                ? 'until no operation uses it'
                : `for ${spanWords(overlap)} more`
            }, so no operation fails.`}
          />
          <Radio
            value="breach"
            label="The key has leaked"
            description={
              of.automatic
                ? 'The old key is ended as soon as the new one is in use. Operations still on it may fail.'
                : 'The key is taken out of use at once. Operations go without it until you have entered the new one.'
            }
          />
        </Stack>
      </Radio.Group>
      {!of.automatic && (
        <p>
          {of.notAutomaticBecause ?? 'The service has no way to make keys by itself.'} You will be asked to
          make the new key at the service and to paste it here.
        </p>
      )}
      <TextInput
        label="Reason (optional)"
        description="For the audit trail."
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {mode === 'breach' && (
        <TextInput
          label={
            <>
              Type <strong>leaked</strong> to confirm
            </>
          }
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  )
}
