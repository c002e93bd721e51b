import { z } from 'zod'
import { operationFilters } from '../../src/contract/operations.ts'
import { id } from '../../src/contract/wire.ts'

/** What the address bar may say about a list of operations; wrong values are dropped, never an error page. */
export const operationSearch = z.object({
  service: operationFilters.shape.service.catch(undefined),
  status: operationFilters.shape.status.catch(undefined),
  keyOwner: operationFilters.shape.keyOwner.catch(undefined),
  since: operationFilters.shape.since.catch(undefined),
  until: operationFilters.shape.until.catch(undefined),
  endpoint: operationFilters.shape.endpoint.catch(undefined),
  model: operationFilters.shape.model.catch(undefined),
  usedModel: operationFilters.shape.usedModel.catch(undefined),
  accessToken: operationFilters.shape.accessToken.catch(undefined),
  operation: id.optional().catch(undefined),
})
