/** Reasons arrive as the gateway wrote them: a code such as `own_key` or a whole sentence. */
export const describeReason = (reason: string): string => {
  if (reason === '') return ''
  if (/\s/.test(reason)) return reason
  const words = reason.replaceAll(/[_-]+/g, ' ').trim()
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}
