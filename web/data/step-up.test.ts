import { afterEach, expect, test, vi } from 'vitest'
import { call } from './call.ts'
import { askForProof, isProofAsked, settleProof, subscribeToProof } from './step-up.ts'

const fault = (code: string) =>
  new Response(JSON.stringify({ error: { code, message: code, next: '' } }), { status: 403 })
const answers = (...replies: (() => Response)[]) => {
  const sent = vi.fn(async () => replies.shift()?.() ?? Response.json({ done: true }))
  vi.stubGlobal('fetch', sent)
  return sent
}
const revoke = () => call('revokeSession', { params: { id: '00000000-0000-7000-8000-000000000001' } })

afterEach(() => {
  settleProof(false)
  vi.unstubAllGlobals()
})

test('where nothing can ask, a command that needs a proof fails as it came', async () => {
  const sent = answers(() => fault('step_up_required'))
  await expect(revoke()).rejects.toMatchObject({ code: 'step_up_required' })
  expect(sent).toHaveBeenCalledTimes(1)
})

test('a command that needs a proof is sent once more after it was given, and only then', async () => {
  using _ = { [Symbol.dispose]: subscribeToProof(() => queueMicrotask(() => settleProof(true))) }
  const sent = answers(() => fault('step_up_required'))
  expect(await revoke()).toEqual({ done: true })
  expect(sent).toHaveBeenCalledTimes(2)
  answers(() => fault('forbidden'))
  await expect(revoke()).rejects.toMatchObject({ code: 'forbidden' })
})

test('a command whose proof is refused a second time does not ask for ever', async () => {
  using _ = { [Symbol.dispose]: subscribeToProof(() => queueMicrotask(() => settleProof(true))) }
  const sent = answers(
    () => fault('step_up_required'),
    () => fault('step_up_required'),
  )
  await expect(revoke()).rejects.toMatchObject({ code: 'step_up_required' })
  expect(sent).toHaveBeenCalledTimes(2)
})

test('not proving it leaves the command undone and says so', async () => {
  using _ = { [Symbol.dispose]: subscribeToProof(() => queueMicrotask(() => settleProof(false))) }
  const sent = answers(() => fault('step_up_required'))
  await expect(revoke()).rejects.toMatchObject({ code: 'not_confirmed' })
  expect(sent).toHaveBeenCalledTimes(1)
})

test('several commands wait for one proof', async () => {
  using _ = { [Symbol.dispose]: subscribeToProof(() => undefined) }
  const proofs = [askForProof(), askForProof()]
  expect(isProofAsked()).toBe(true)
  settleProof(true)
  expect(await Promise.all(proofs)).toEqual([true, true])
  expect(isProofAsked()).toBe(false)
})
