import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { apiVersion, apiVersionHeader, apiVersions } from '../contract/api-version.ts'
import { type OpenApiDocument, withExamples } from './openapi-examples.ts'
import { referencePagePolicy } from './security.ts'

/** OpenAPI 3.1 at /api/openapi.json, emitted from the contract, and its reference at /docs. */
export const registerOpenApi = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Aideon Keys',
        version,
        description: `The management API, version ${apiVersion} (header aideon-api-version). Call it with an access token of the scope manage; a POST takes an idempotency-key. Operations go to /v1/chat/completions, /v1/messages, /v1/embeddings and /v1/models in the dialect of your client.`,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: 'aideon_session' },
          accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'aik_…' },
        },
      },
    },
    transform: jsonSchemaTransform,
    // Without it, schemas with ids come out as references to nothing.
    transformObject: jsonSchemaTransformObject,
  })
  // Anybody may ask, and making it takes as long as a thousand other requests.
  let document: string | null = null
  app.get('/api/openapi.json', { schema: { hide: true } }, (_, reply) => {
    document ??= JSON.stringify(withExamples(app.swagger() as unknown as OpenApiDocument))
    return reply.type('application/json; charset=utf-8').send(document)
  })
  app.get('/api', { schema: { hide: true } }, (_, reply) =>
    reply.header(apiVersionHeader, apiVersion).send({
      name: 'Aideon Keys management API',
      version,
      apiVersion,
      apiVersions,
      document: '/api/openapi.json',
      reference: '/docs',
    }),
  )
  app.get('/docs', { schema: { hide: true } }, (_, reply) =>
    reply
      .header('content-security-policy', referencePagePolicy())
      .type('text/html; charset=utf-8')
      .send(referencePage),
  )
  app.get('/docs/', { schema: { hide: true } }, (_, reply) => reply.redirect('/docs', 308))
  app.get('/docs/start.js', { schema: { hide: true } }, (_, reply) =>
    reply.type('text/javascript').send(startScript),
  )
  app.get('/docs/scalar.js', { schema: { hide: true } }, async (_, reply) =>
    reply
      .type('text/javascript')
      .header('cache-control', 'public, max-age=86400')
      .send(await loadScalar()),
  )
}

const referencePage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="/mark.svg" type="image/svg+xml">
    <title>Aideon Keys: API reference</title>
  </head>
  <body>
    <div id="reference"></div>
    <script src="/docs/scalar.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

const startScript = `Scalar.createApiReference('#reference', {
  url: '/api/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  hideClientButton: true,
  agent: { disabled: true },
})
`

let scalar: Promise<string> | null = null

/**
 * The bundle is 5 MB inside a module that offers it only through its Fastify plugin, so it is read from a
 * throw-away instance, and not before somebody opens the page.
 */
const loadScalar = (): Promise<string> => {
  scalar ??= (async () => {
    const { default: reference } = await import('@scalar/fastify-api-reference')
    const throwAway = Fastify()
    await throwAway.register(reference, { routePrefix: '/r', configuration: { url: '/' } })
    const reply = await throwAway.inject('/r/js/scalar.js')
    await throwAway.close()
    return reply.body
  })()
  return scalar
}
