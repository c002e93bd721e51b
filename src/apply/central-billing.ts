import { z } from 'zod'
import * as wire from '../contract/wire.ts'
import type { Outcome } from '../kit/fault.ts'
import type { DocumentOrganization } from './document.ts'
import type { Performance } from './perform.ts'
import { organizationIdOf } from './places.ts'
import type { StoredOrganization } from './snapshot.ts'
import { differences, type Step, step } from './step.ts'

/** Whether an organisation pays for its members’ credits, in a document. */
export const centralBillingSchema = z.strictObject({ enabled: z.boolean(), billingEmail: wire.email })

export interface CentralBillingAction {
  readonly kind: 'set_central_billing'
  readonly organization: string
  readonly central: boolean
  readonly billingEmail: string
}

export const planCentralBilling = (
  { name: organization, centralBilling }: DocumentOrganization,
  before: StoredOrganization | undefined,
): Step[] =>
  centralBilling === undefined
    ? []
    : [
        step(
          `organisation ${organization}: central billing`,
          false,
          differences<object>(
            { enabled: before?.centralBilling ?? false, billingEmail: before?.billingEmail ?? null },
            centralBilling,
          ),
          {
            kind: 'set_central_billing',
            organization,
            central: centralBilling.enabled,
            billingEmail: centralBilling.billingEmail,
          },
        ),
      ]

export const performCentralBilling = async (
  { organization, central, billingEmail }: CentralBillingAction,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const home = await organizationIdOf(organization, p)
  if (!home.ok) return home
  const { centralBilling } = p.rooms.oversight
  return centralBilling.set(p.actor, { organizationId: home.value, central, billingEmail })
}
