import { Link } from '@tanstack/react-router'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { readable } from '../data/words.ts'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'

/** Most installations have fewer users than this: their names come with one request; others are asked for one by one. */
const known = { query: { limit: 200 } } as const

const usePerson = (id: string) => {
  const all = useRead('listUsers', known)
  const listed = all.data?.items.find((user) => user.id === id)
  const one = useRead(
    'listUsers',
    { query: { user: id } },
    { enabled: all.data !== undefined && listed === undefined },
  )
  return listed ?? one.data?.items[0]
}

export const PersonName = ({ id }: { id: string }) => <>{usePerson(id)?.name ?? 'User'}</>

/** Name above address; `link` leads to the user. */
export const Person = (props: { id: string; link?: boolean }) => {
  const person = usePerson(props.id)
  const address = person?.email ?? '…'
  return (
    <span className={classes.who}>
      <span className={classes.strong}>{person?.name ?? 'User'}</span>
      {props.link ? (
        <TextLink quiet>
          <Link to="/admin/users" search={{ user: props.id }}>
            {address}
          </Link>
        </TextLink>
      ) : (
        <span className={classes.quiet}>{address}</span>
      )}
    </span>
  )
}

const others: Readonly<Record<string, string>> = {
  installation: 'the installation',
  operator: 'the command line',
  manual: 'an administrator',
  stripe: 'Stripe',
  subscription: 'the subscription',
  allocation: 'the subscription',
  system: 'the gateway',
}

const isId = (text: string): boolean => /^[0-9a-f]{8}-/.test(text)

/** Who did something: a person, a part of the installation, or (null) somebody at its command line. */
export const By = ({ by }: { by: string | null }) => {
  const me = useMe()
  if (by === null) return <>{others['operator']}</>
  if (by === me.user.id) return <>you</>
  return isId(by) ? <PersonName id={by} /> : <>{others[by] ?? readable(by)}</>
}
