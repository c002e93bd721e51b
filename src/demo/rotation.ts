import { readFile } from 'node:fs/promises'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Simulator } from '../../simulator/simulator.ts'
import { must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { standardAddresses } from '../rotation/drivers/addresses.ts'
import type { Rotation } from '../rotation/rotation.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { demoKeys } from './cast.ts'

const operator = { kind: 'operator', id: null } as const
/** The demo's system keys of this service can be rotated by clicking: the stand-in of its API for keys makes new ones. */
const service = 'openai'

/** In the demo, an API for keys is where its service is: at the simulator. */
export const demoAddresses =
  (catalogue: Pick<Catalogue, 'list'>) =>
  (standard: string): string => {
    const replaced = catalogue.list().find(({ serviceId }) => serviceId === standardAddresses[standard])
    return replaced?.baseUrl ?? standard
  }

/**
 * The stand-in knows the demo's keys, and from one start to the next those it made: without them, what was rotated would be
 * refused after a restart. The file holds made-up secrets only.
 */
export const rememberKeys = async (simulator: Simulator, dataDirectory: string): Promise<void> => {
  const file = join(dataDirectory, 'demo-service-keys.json')
  const saved = await readFile(file, 'utf8').catch(() => null)
  const { rotation } = simulator
  if (saved !== null) {
    try {
      rotation.load(saved)
    } catch {
      // Cut off in the middle of a write: the demo begins anew.
    }
  }
  for (const key of demoKeys())
    if (key.service === service && rotation.secrets.look(service, key.secret) === null)
      rotation.apis[service].adopt(key.secret, key.variable.toLowerCase())
  const save = () => writeFileSync(file, rotation.save(), { mode: 0o600 })
  rotation.secrets.onChange(save)
  save()
}

/** Once: what an administrator sets afterwards stays. */
export const setDemoCredential = async (
  { credentials }: Pick<Rotation, 'credentials'>,
  { adminKey, projectId }: { readonly adminKey: string; readonly projectId: string },
): Promise<void> => {
  const before = await credentials.list()
  if (before.some(({ serviceId }) => serviceId === service)) return
  must(
    await credentials.set(operator, {
      organizationId: platformOrganizationId,
      driverId: service,
      serviceId: service,
      serviceKeyId: null,
      fields: { adminKey, projectId },
    }),
  )
}
