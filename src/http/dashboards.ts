import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fault, FaultError } from '../kit/fault.ts'
import { noSuchEndpoint } from './routes.ts'
import { contentSecurityPolicy } from './security.ts'

/** Origins whose pages may show the dashboards of this host application. */
export type FramesOf = (applicationId: string) => Promise<readonly string[]>

const embeddedPath = /^embedded\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

const year = 'public, max-age=31536000, immutable'

/** Upwards, to hidden files, or none at all: the plugin would refuse these as errors, which whoever tries them could fill the log with. */
const leadsElsewhere = /(?:^|[/\\])\.|\0/

/**
 * The built single-page application: hashed files for ever, everything else as index.html with a fresh nonce. The
 * directory may appear after the start; until then pages say so.
 */
export const registerDashboards = async (
  app: FastifyInstance,
  directory: () => string | null,
  framesOf: FramesOf,
): Promise<void> => {
  await app.register(staticFiles, { serve: false, cacheControl: false, dotfiles: 'deny' })
  app.get('/*', { schema: { hide: true } }, async (request, reply) => {
    const path = (request.params as { '*': string })['*']
    if (/^(?:api|v1|oauth|scim|sso)(?:\/|$)/.test(path)) throw new FaultError(noSuchEndpoint(request.url))
    if (leadsElsewhere.test(path)) throw new FaultError(fault('unknown_route'))
    const root = directory()
    if (root === null) return sendPage(reply, waitingPage)
    const application = embeddedPath.exec(path)?.[1]
    if (application !== undefined) {
      const frames = await framesOf(application)
      return sendPage(reply, await readFile(join(root, 'index.html'), 'utf8'), frames)
    }
    if (!/\.[a-z0-9]{1,10}$/i.test(path) || path === 'index.html')
      return sendPage(reply, await readFile(join(root, 'index.html'), 'utf8'))
    reply.header('cache-control', path.startsWith('assets/') ? year : 'no-cache')
    return reply.sendFile(path, root)
  })
  app.setNotFoundHandler(() => Promise.reject(new FaultError(fault('unknown_route'))))
}

/** The nonce goes where Mantine's and Scalar's run-time styles look for it: `<meta property="csp-nonce">`. */
const sendPage = (reply: FastifyReply, html: string, frames: readonly string[] = []): FastifyReply => {
  const nonce = randomBytes(16).toString('base64')
  // Of the older header there is none that names origins.
  if (frames.length > 0) reply.removeHeader('x-frame-options')
  return reply
    .header('content-security-policy', contentSecurityPolicy(nonce, frames))
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(
      html
        .replace('<head>', `<head>\n    <meta property="csp-nonce" content="${nonce}">`)
        .replaceAll('<style>', `<style nonce="${nonce}">`),
    )
}

/** Asks again by itself, without a script. */
const waitingPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="refresh" content="2">
    <title>Aideon Keys is starting</title>
    <style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 20vh auto; padding: 0 1rem }</style>
  </head>
  <body>
    <h1>The dashboards are being prepared</h1>
    <p>This happens once after an installation or an upgrade. The page opens by itself; operations are served already.</p>
  </body>
</html>
`
