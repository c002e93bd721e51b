// What is compared: each is started once, on the gateways' core, and pointed at the same upstream.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort, listening, start, stop } from './children.ts'

export interface Contender {
  readonly port: number
  /** Processes whose trees are what it costs. */
  readonly roots: readonly number[]
  readonly version: string
  stop(): Promise<void>
}

export interface Surroundings {
  readonly upstreamPort: number
  readonly directory: string
}

/** The keys by which the upstream tells who pays (bench/c/upstream.c). */
export const userServiceKey = 'sk-proj-benchuser-0123456789abcdefghijklmnopqrstuv'
export const systemServiceKey = 'sk-proj-benchsystem-0123456789abcdefghijklmnopqrst'

const here = import.meta.dirname

const nginxPath = (): string => {
  for (const candidate of ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'])
    if (existsSync(candidate)) return candidate
  throw new Error(
    'nginx is not installed, and every figure is a ratio to it: apt-get install --no-install-recommends nginx-light',
  )
}

// As a careful operator would set it up for this job: one worker, keep-alive to the upstream, replies passed on
// as they come, request bodies kept in memory (the default spools bodies above 16 KB to disk), no logs.
const nginxConfiguration = (port: number, upstreamPort: number): string => `
worker_processes 1; daemon off; pid nginx.pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_max_body_size 32m; client_body_buffer_size 1m; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream service { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://service; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer ${userServiceKey}";
    }
  }
}
`

export const startNginx = async ({ upstreamPort, directory }: Surroundings): Promise<Contender> => {
  const program = nginxPath()
  const home = path.join(directory, 'nginx')
  mkdirSync(home, { mode: 0o777 })
  const port = await freePort()
  // As root the worker would change to a user that may not enter the temporary directory.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(path.join(home, 'nginx.conf'), user + nginxConfiguration(port, upstreamPort))
  const started = start([program, '-p', home, '-c', 'nginx.conf', '-e', 'stderr'], { place: 'gateway' })
  await listening(started, port)
  const version = execFileSync('sh', ['-c', `${program} -v 2>&1`], { encoding: 'utf8' })
    .trim()
    .replace(/^.*nginx\//, '')
  return { port, roots: [started.child.pid!], version, stop: () => stop(started.child) }
}

export const portkeyPath = path.join(here, 'node_modules/@portkey-ai/gateway/build/start-server.js')

export const startPortkey = async (): Promise<Contender> => {
  const port = await freePort()
  const started = start([process.execPath, portkeyPath, `--port=${port}`, '--headless'], {
    place: 'gateway',
    environment: { NODE_ENV: 'production' },
  })
  await listening(started, port)
  const {
    default: { version },
  } = await import('@portkey-ai/gateway/package.json', { with: { type: 'json' } })
  return { port, roots: [started.child.pid!], version, stop: () => stop(started.child) }
}

export const portkeyHeaders = (upstreamPort: number): Record<string, string> => ({
  authorization: `Bearer ${userServiceKey}`,
  'x-portkey-provider': 'openai',
  'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
})

export const startReference = async (
  { upstreamPort }: Surroundings,
  client: 'undici' | 'lean',
): Promise<Contender> => {
  const port = await freePort()
  const program = path.join(here, 'reference-proxy.ts')
  const started = start(
    [process.execPath, program, String(port), `http://127.0.0.1:${upstreamPort}`, client],
    { place: 'gateway', environment: { BENCH_SERVICE_KEY: userServiceKey } },
  )
  await listening(started, port)
  return { port, roots: [started.child.pid!], version: process.version, stop: () => stop(started.child) }
}
