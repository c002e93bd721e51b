import type { Actor } from '../audit/audit.ts'
import { keyFingerprint } from '../keys/fingerprint.ts'
import type { Fault } from '../kit/fault.ts'
import type { Document } from './document.ts'
import { type ApplyRooms, perform } from './perform.ts'
import { priceProblems } from './billing.ts'
import { unknownNames, unusableSecrets } from './known-names.ts'
import { readKnownSecrets } from './known-secrets.ts'
import { planSetUp } from './plan.ts'
import { referencesOf, resolveSecrets, tokenPathsOf } from './references.ts'
import { readSnapshot } from './snapshot.ts'
import type { Step } from './step.ts'
import { absolutePath, readTokenFiles } from './token-files.ts'

export interface ApplyOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where relative paths of the document begin. */
  readonly directory: string
  readonly dryRun?: boolean
  readonly actor?: Actor
  /** New organisations and people are marked as demo data. */
  readonly isDemo?: boolean
}

export interface AppliedStep extends Step {
  /** Something worth telling about it, such as a key that could not be proven. */
  readonly note: string | null
}

export type Applied =
  | { readonly ok: true; readonly steps: readonly AppliedStep[]; readonly changes: number }
  /** Nothing was changed. */
  | { readonly ok: false; readonly problems: readonly string[] }
  /** The steps before the failed one are done; applying again goes on from there. */
  | {
      readonly ok: false
      readonly steps: readonly AppliedStep[]
      readonly failed: Step
      readonly fault: Fault
    }

const operator: Actor = { kind: 'operator', id: null }

/** Makes the installation what the document says. What it does not mention stays as it is. */
export const applyDocument = async (
  rooms: ApplyRooms,
  document: Document,
  options: ApplyOptions,
): Promise<Applied> => {
  const { directory, environment } = options
  const secrets = await resolveSecrets(referencesOf(document), { environment, directory })
  const files = await readTokenFiles(tokenPathsOf(document), directory)
  const now = rooms.clock()
  const stored = await readSnapshot(rooms, now)
  const problems = [
    ...secrets.problems,
    ...files.problems,
    ...unknownNames(document, stored),
    ...priceProblems(document, stored.billing),
  ]
  if (secrets.problems.length === 0) problems.push(...unusableSecrets(document, secrets.values))
  if (problems.length > 0) return { ok: false, problems }
  const plan = planSetUp(document, stored, {
    secrets: secrets.values,
    storedSecrets: await readKnownSecrets(document, stored, rooms),
    fingerprint: (key, secret) => keyFingerprint(rooms.vault, key, secret),
    tokenFiles: files.hashes,
    now,
  })
  if (options.dryRun)
    return { ok: true, steps: plan.map((step) => ({ ...step, note: null })), changes: countChanges(plan) }
  const done: AppliedStep[] = []
  for (const step of plan) {
    const performed = step.action
      ? await perform(step.action, {
          rooms,
          actor: options.actor ?? operator,
          secrets: secrets.values,
          isDemo: options.isDemo ?? false,
          pathOf: (path) => absolutePath(path, directory),
        })
      : null
    if (performed && !performed.ok) return { ok: false, steps: done, failed: step, fault: performed.fault }
    done.push({ ...step, note: performed?.value ?? null })
  }
  return { ok: true, steps: done, changes: countChanges(plan) }
}

const countChanges = (steps: readonly Step[]): number => steps.filter((step) => step.action !== null).length
