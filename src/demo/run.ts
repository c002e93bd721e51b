import type { Log } from '../kit/log.ts'
import type { Rotation } from '../rotation/rotation.ts'
import { publishDemo, type DemoRooms, seedDemo, startDemoSimulator } from './demo.ts'
import { setDemoCredential } from './rotation.ts'
import type { DemoStripe } from './stripe.ts'
import { warmDemo } from './warm.ts'

export interface RunningDemo {
  /** Writes demo.json and gives the lines to print; a new demo then makes itself some history, in the background. */
  publish(baseUrl: string): Promise<string[]>
  stop(): Promise<void>
}

/** The simulator and the demo's data, before the gateway listens. */
export const startDemo = async (parts: {
  rooms: DemoRooms & { readonly rotation: Pick<Rotation, 'credentials'> }
  /** Null: payments are taken by what the operator configured. */
  stripe: DemoStripe | null
  dataDirectory: string
  log: Log
}): Promise<RunningDemo> => {
  const { rooms, stripe, dataDirectory, log } = parts
  const simulator = await startDemoSimulator(dataDirectory)
  const seeded = await seedDemo({
    rooms,
    simulatorUrl: simulator.url,
    stripeUrl: stripe?.url ?? null,
    dataDirectory,
  })
  await setDemoCredential(rooms.rotation, simulator.rotation.apis.openai.settings)
  return {
    async publish(baseUrl) {
      stripe?.tell(baseUrl)
      const { demo, lines } = await publishDemo(seeded, { baseUrl, dataDirectory })
      if (!seeded.hasHistory)
        warmDemo(demo).then(
          (history) => log.info(history, 'the demo has a history to show'),
          (error: unknown) => log.warn({ err: error }, 'the demo has no history to show'),
        )
      return lines
    },
    stop: () => simulator.close(),
  }
}
