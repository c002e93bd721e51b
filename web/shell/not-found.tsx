import { Link } from '@tanstack/react-router'
import { EmptyState } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'

export const NotFound = () => (
  <main>
    <h1 className="visually-hidden">Not found</h1>
    <EmptyState
      title="There is no such page"
      action={
        <TextLink>
          <Link to="/">Go to the overview</Link>
        </TextLink>
      }
    >
      The address may be mistyped, or the page was moved.
    </EmptyState>
  </main>
)
