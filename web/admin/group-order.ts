/** Takes the model at `from` out and puts it in at `to`; the same list where there is nothing to move. */
export const movedModel = (models: readonly string[], from: number, to: number): readonly string[] => {
  const model = models[from]
  if (model === undefined || from === to || to < 0 || to >= models.length) return models
  return models.toSpliced(from, 1).toSpliced(to, 0, model)
}

/** A name for the address bar and for callers: `My drafts!` → `my-drafts`. */
export const groupIdFrom = (label: string): string =>
  label
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036F]/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 40)
