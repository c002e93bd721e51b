const browsers = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const
const systems = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
] as const

/** `Firefox on Linux`, as far as the user agent tells. */
export const browserName = (userAgent: string | null): string => {
  if (!userAgent) return 'Unknown'
  const find = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(userAgent))?.[1]
  const browser = find(browsers) ?? userAgent.split(/[\s/]/)[0] ?? 'Unknown'
  const system = find(systems)
  return system ? `${browser} on ${system}` : browser
}

export const isMobile = (userAgent: string | null): boolean =>
  userAgent !== null && /Android|iPhone|Mobile/.test(userAgent)
