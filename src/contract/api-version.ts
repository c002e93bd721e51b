/**
 * The version of /api, as the day of its last change that could break a client. Every reply names it; a request may, and is
 * refused where this server does not speak that version. What is added (endpoints, fields, values of type) changes no version.
 */
export const apiVersion = '2026-11-23'
export const apiVersions: readonly string[] = [apiVersion]
export const apiVersionHeader = 'aideon-api-version'
