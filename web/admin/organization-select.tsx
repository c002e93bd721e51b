import { NativeSelect } from '@mantine/core'
import { useRead } from '../data/queries.ts'

/** A filter by organisation; the first 200 by name, which the list page itself pages through. */
export const OrganizationSelect = (props: {
  value: string | undefined
  onChange: (id: string | undefined) => void
  /** Among fields whose names are above them. */
  named?: boolean
}) => {
  const organizations = useRead('listOrganizations', { query: { limit: 200 } })
  return (
    <NativeSelect
      {...(props.named ? { label: 'Organisation' } : { 'aria-label': 'Organisation' })}
      value={props.value ?? ''}
      data={[
        { value: '', label: 'Any organisation' },
        ...(organizations.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
      ]}
      onChange={(event) => props.onChange(event.currentTarget.value || undefined)}
    />
  )
}
