import { Block } from '../ui/notice.tsx'
import { Brand } from './brand.tsx'
import classes from './shell.module.css'

/** The frame while the session is read: what follows takes the same places. */
export const Opening = () => (
  <div className={classes.shell} aria-busy="true">
    <section className={classes.narrow} aria-label="Top bar">
      <Brand />
    </section>
    <aside className={classes.side} aria-label="Sidebar">
      <Brand />
    </aside>
    <main className={classes.content}>
      <h1 className="visually-hidden">Loading</h1>
      <div className={classes.opening}>
        <Block height={52} />
        <Block height={103} narrow={206} />
        <Block height={320} />
      </div>
    </main>
  </div>
)
