import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Admission } from './admission.ts'
import type { Operation } from './operation.ts'

/** Prometheus figures of this process. No label holds anything of a tenant. */
export interface Counters {
  /** Every request to the data plane, also those whose caller is unknown and which therefore have no record. */
  ended(operation: Operation, httpStatus: number): void
  text(): Promise<string>
}

export const makeCounters = (admission: Admission): Counters => {
  const registry = new Registry()
  const operations = new Counter({
    name: 'aideon_operations_total',
    help: 'Operations by endpoint, HTTP status, fault code and owner of the service key.',
    labelNames: ['endpoint', 'status', 'fault', 'key_owner'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'aideon_operation_seconds',
    help: 'From the request’s headers to the end of the reply.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
    registers: [registry],
  })
  const underWay = new Gauge({
    name: 'aideon_operations_under_way',
    help: 'Operations under way.',
    registers: [registry],
  })
  // Looking labels up costs more than counting: each combination is looked up once.
  const children = new Map<string, Counter.Internal>()
  const childOf = (endpoint: string, status: number, fault: string, owner: string) => {
    const id = `${endpoint} ${status} ${fault} ${owner}`
    const known = children.get(id)
    if (known !== undefined) return known
    const child = operations.labels(endpoint, String(status), fault, owner)
    children.set(id, child)
    return child
  }

  return {
    ended(operation, httpStatus) {
      const { target, candidate, faultCode, startedMs } = operation
      const endpoint = target.kind === 'operation' ? target.endpoint : target.kind
      childOf(endpoint, httpStatus, faultCode ?? 'none', candidate?.serviceKey.owner ?? 'none').inc()
      seconds.observe((performance.now() - startedMs) / 1000)
    },
    text: () => {
      underWay.set(admission.underWay)
      return registry.metrics()
    },
  }
}
