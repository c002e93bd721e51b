/**
 * A path here, as the browser reads it: `//host`, `/\host` and the same with a tab between lead elsewhere, so that a link to
 * the sign-in page could send people away.
 */
export const isOwnPath = (path: string, origin: string = location.origin): boolean =>
  path.startsWith('/') && URL.parse(path, origin)?.origin === origin
