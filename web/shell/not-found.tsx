import { Link } from '@tanstack/react-router'
import { Entry } from '../entry/entry.tsx'
import { TextLink } from '../ui/text-link.tsx'

export const NotFound = () => (
  <Entry title="There is no such page" lead="The address may be mistyped, or the page was moved.">
    <p>
      <TextLink>
        <Link to="/">Go to the overview</Link>
      </TextLink>
    </p>
  </Entry>
)
