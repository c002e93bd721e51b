import classes from './navigation.module.css'

export const Brand = () => (
  <div className={classes.brand}>
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="var(--accent-fill)" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
        <circle cx="11.5" cy="16" r="4.5" />
        <path d="M16 16h9.5v4M21 16v3" />
      </g>
    </svg>
    <span>Aideon Keys</span>
  </div>
)
