import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Endpoint } from '@slipway/domain'
import { freePort, requireProgram, startProcess } from '@slipway/machine'
import { childrenOf, gatewayOf } from './processes.ts'
import type { Scene } from './scene.ts'

/** A way to a function. */
export interface Way {
  url: string
  /** The process that stands between, if any. */
  pid: number | null
  stop(): Promise<void>
}

const nothing = () => Promise.resolve()

export const directly = ({ host, port }: Endpoint): Way => ({
  url: `http://${host}:${port}/`,
  pid: null,
  stop: nothing
})

/** By the gateway of `slipway up`, with its own settings. */
export async function byGateway({ installation: { endpoints, pid } }: Scene, name: string): Promise<Way> {
  return { url: `${endpoints.gateway}/function/${name}`, pid: await gatewayOf(pid), stop: nothing }
}

/** How nginx reaches the function: by connections that it keeps, or as it does by itself, by a new one for each call (and HTTP/1.0). */
export type NginxConnections = 'kept' | 'new'

/** By Debian's nginx as a reverse proxy of one worker, without a log. */
export async function byNginx(
  directory: string,
  { host, port }: Endpoint,
  connections: NginxConnections = 'kept'
): Promise<Way> {
  const kept = `
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;`
  const own = await freePort()
  const file = join(directory, 'nginx.conf')
  await mkdir(directory, { recursive: true })
  await writeFile(
    file,
    `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000;
  upstream function { server ${host}:${port};${connections === 'kept' ? ' keepalive 64; keepalive_requests 1000000;' : ''} }
  server {
    listen 127.0.0.1:${own};
    location / {
      proxy_pass http://function/;${connections === 'kept' ? kept : ''}
    }
  }
}
`
  )
  const running = await startProcess({
    program: await requireProgram('nginx'),
    args: ['-e', 'stderr', '-c', file],
    logFile: join(directory, 'nginx.log'),
    isReady: async (pid) => (await childrenOf(pid)).length === 1
  })
  const [worker] = await childrenOf(running.pid)
  return { url: `http://127.0.0.1:${own}/`, pid: worker ?? running.pid, stop: () => running.stop() }
}
