import { z } from 'zod'
import type { Outcome } from '../kit/fault.ts'
import { success } from '../kit/fault.ts'
import { anomalyThresholds } from '../contract/oversight.ts'
import { type Thresholds, usualThresholds } from '../oversight/anomaly.ts'
import { dollars } from './budgets.ts'
import type { DocumentOrganization } from './document.ts'
import { dollarText } from './exporting.ts'
import type { Performance } from './perform.ts'
import { organizationIdOf } from './places.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, type Step, step } from './step.ts'

/** From when on use of an organisation is told as unusual, in a document. */

const { spendFactor, tellsModels, tellsCountries } = anomalyThresholds.shape
export const anomaliesSchema = z
  .strictObject({ spendFactor, spendFloor: dollars, tellsModels, tellsCountries })
  .partial()

export interface StoredThresholds extends Thresholds {
  readonly organizationId: string
}

export interface AnomalyAction {
  readonly kind: 'set_anomaly_thresholds'
  readonly organization: string
  readonly thresholds: Thresholds
}

const asWritten = ({ spendFloorNanoUsd, spendFactor: factor, ...tells }: Thresholds) => ({
  spendFactor: factor,
  spendFloor: dollarText(spendFloorNanoUsd),
  tellsModels: tells.tellsModels,
  tellsCountries: tells.tellsCountries,
})

export const planAnomalies = (
  { name: organization, anomalies }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] => {
  if (anomalies === undefined) return []
  const before = stored.thresholds.find((one) => one.organizationId === organizationId) ?? usualThresholds
  const { spendFloor = before.spendFloorNanoUsd, ...said } = anomalies
  const thresholds: Thresholds = {
    spendFactor: said.spendFactor ?? before.spendFactor,
    spendFloorNanoUsd: spendFloor,
    tellsModels: said.tellsModels ?? before.tellsModels,
    tellsCountries: said.tellsCountries ?? before.tellsCountries,
  }
  return [
    step(
      `organisation ${organization}: anomalies`,
      false,
      differences(asWritten(before), asWritten(thresholds)),
      { kind: 'set_anomaly_thresholds', organization, thresholds },
    ),
  ]
}

export const performAnomalies = async (
  { organization, thresholds }: AnomalyAction,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const home = await organizationIdOf(organization, p)
  return home.ok
    ? success(await p.rooms.oversight.anomalies.setThresholds(p.actor, home.value, thresholds))
    : home
}

export const anomaliesIn = (organizationId: string, { thresholds }: Snapshot) => {
  const found = thresholds.find((one) => one.organizationId === organizationId)
  return found ? { anomalies: asWritten(found) } : {}
}
