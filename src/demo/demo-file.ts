import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writePrivateFile } from '../apply/token-files.ts'

const demoUser = z.object({
  name: z.string(),
  email: z.string(),
  id: z.string(),
  about: z.string(),
  fallback: z.string(),
  ownServices: z.array(z.string()),
  accessToken: z.string(),
  signInLink: z.string(),
})

/** `demo.json` in the data directory: what scripts need to use the demo. */
const demoFileSchema = z.object({
  demo: z.literal(true),
  baseUrl: z.string(),
  simulatorUrl: z.string(),
  /** Where the stand-in for Stripe is; null: payments are taken by something else. */
  stripeUrl: z.string().nullable().default(null),
  organization: z.object({ id: z.string(), name: z.string() }),
  /** Acts for users: send `x-aideon-user` with an e-mail address. */
  platformToken: z.string(),
  administrator: z.object({ email: z.string(), name: z.string(), signInLink: z.string() }),
  users: z.array(demoUser),
  signInLinksExpireAt: z.string(),
  /** Service keys that the simulator accepts and nobody has yet. */
  spareKeys: z.array(z.object({ service: z.string(), secret: z.string() })).default([]),
  /** One per interesting case, as printed at the start. */
  commands: z.array(z.object({ title: z.string(), command: z.string() })),
})

export type DemoFile = z.output<typeof demoFileSchema>

const fileIn = (dataDirectory: string): string => join(dataDirectory, 'demo.json')

/** Null: none, or not one of ours; it is made anew then. */
export const readDemoFile = async (dataDirectory: string): Promise<DemoFile | null> => {
  try {
    const parsed = demoFileSchema.safeParse(JSON.parse(await readFile(fileIn(dataDirectory), 'utf8')))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

/** Readable by its owner only: it holds tokens. */
export const writeDemoFile = (dataDirectory: string, demo: DemoFile): Promise<void> =>
  writePrivateFile(fileIn(dataDirectory), `${JSON.stringify(demo, null, 2)}\n`)
