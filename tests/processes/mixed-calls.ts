import type { StagePerson } from '../scene.ts'
import type { Call } from './client.ts'
import type { Fleet } from './fleet.ts'

/** Whole replies and streams in both dialects, on own keys and on credits, over all processes of a fleet. */
export const mixedCalls = async (fleet: Fleet): Promise<(caller: number) => Call> => {
  await fleet.systemKey('openai', 1)
  await fleet.systemKey('anthropic', 1)
  const owner = await fleet.person({ fallback: 'none', creditMicros: 0n })
  await fleet.ownKey(owner, 'openai')
  await fleet.ownKey(owner, 'anthropic')
  const people: readonly StagePerson[] = [await fleet.person(), owner, await fleet.person(), owner]
  let calls = 0
  return (caller) => {
    const streamed = (caller >> 2) % 2 === 0
    return {
      url: fleet.gateways[calls++ % fleet.gateways.length]?.url ?? '',
      token: people[caller % people.length]?.token ?? '',
      dialect: (caller >> 3) % 2 === 0 ? 'openai' : 'anthropic',
      streamed,
      prompt: `${streamed ? '[[simulate: slow 2ms]]' : '[[simulate: wait 20ms]]'} [[simulate: tokens 30]]`,
      maximumTokens: 100,
    }
  }
}
