import { Link } from '@tanstack/react-router'
import type { Receipt } from '../../src/contract/operations.ts'
import { explainable } from '../simulator/supposition.ts'
import { TextLink } from '../ui/text-link.tsx'

/** The same call as things stand now, without making it. */
export const ExplainAgain = ({ receipt }: { receipt: Receipt }) => {
  const endpoint = explainable(receipt.endpoint)
  if (receipt.requestedModel === null || endpoint === undefined) return null
  const sized = receipt.inputTokens > 0
  return (
    <p>
      <TextLink>
        <Link
          to="/simulator"
          search={{
            model: receipt.requestedModel,
            endpoint,
            ...(sized && { in: receipt.inputTokens, out: receipt.outputTokens }),
          }}
        >
          Explain again now
        </Link>
      </TextLink>
    </p>
  )
}
