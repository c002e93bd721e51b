/**
 * A wrong variant of the ledger, of billing or of budgets, a mistake that somebody made somewhere. `npm run planted-bugs` switches them
 * on in turn and shows that the suite notices; docs/ledger.md publishes the table.
 */
export interface PlantedBug {
  readonly id: string
  /** What is wrong, to read. */
  readonly says: string
  /** Text that occurs once in its file, and what stands there instead. */
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[]
  /** The last line of defence is the schema: taken away where the suite has to notice without it. */
  readonly sql?: string
  /** The test that has to fail. */
  readonly caughtBy: { readonly file: string; readonly test: string }
}
