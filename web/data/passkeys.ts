import { browserSupportsWebAuthn, startAuthentication, startRegistration } from '@simplewebauthn/browser'
import { call, CallFault } from './call.ts'

/** Browsers keep passkeys for names, not for IP addresses. */
export const passkeysWork = (): boolean =>
  browserSupportsWebAuthn() && !/^(?:[\d.]+|\[.*\])$/.test(location.hostname)

type Options = Record<string, unknown>

/** What went wrong at the browser or the authenticator is a fault like any other. */
const asked = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof CallFault) throw error
    const name = error instanceof Error ? error.name : ''
    throw new CallFault(0, name === 'InvalidStateError' ? knownAlready : notGiven)
  }
}

const notGiven = {
  code: 'passkey_not_given',
  message: 'No passkey was used.',
  next: 'Try again and follow what the browser asks, or use another way.',
}
const knownAlready = {
  code: 'passkey_known',
  message: 'This device has a passkey for your account already.',
  next: 'Use another device, or remove the one it has first.',
}

const answerOf = (options: Options) =>
  asked(() => startAuthentication({ optionsJSON: options as unknown as never }))

export const signInWithPasskey = async () => {
  const { options } = await call('createPasskeyChallenge', {})
  return call('signInWithPasskey', { body: { response: (await answerOf(options)) as never } })
}

export const proveWithPasskey = async () => {
  const { options } = await call('createProofChallenge', {})
  const response = (await answerOf(options)) as never
  return call('stepUp', { body: { proof: { kind: 'passkey', response } } })
}

export const addPasskey = async (name: string) => {
  const { options } = await call('beginPasskey', {})
  const response = await asked(() => startRegistration({ optionsJSON: options as unknown as never }))
  return call('addPasskey', { body: { name, response: response as never } })
}
