/** Real servers in a pod, each for the workloads that ask for it. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod } from '../test/node.js'
import { PORTS } from './paths.js'

export type ServerName = 'iperf3' | 'sockperf' | 'nginx' | 'redis'

type Starter = (pod: Pod, dir: string) => Promise<void>

const STARTERS: Readonly<Record<ServerName, Starter>> = { iperf3, sockperf, nginx, redis }

export async function startServers(
  pod: Pod,
  dir: string,
  names: ReadonlySet<ServerName>,
): Promise<void> {
  for (const name of names) await STARTERS[name](pod, dir)
}

const logOf = (pod: Pod, dir: string, name: ServerName): string =>
  join(dir, `${name}-${pod.name}.log`)

async function iperf3(pod: Pod, dir: string): Promise<void> {
  pod.serve('iperf3', ['-s', '-p', String(PORTS.iperf)], logOf(pod, dir, 'iperf3'))
  await pod.listening(PORTS.iperf)
}

export const PINNED_CPU = 0

/** One wherever the scheduler puts it, one pinned. */
async function sockperf(pod: Pod, dir: string): Promise<void> {
  const log = logOf(pod, dir, 'sockperf')
  const args = (port: number): string[] => ['server', '--tcp', '-i', '0.0.0.0', '-p', `${port}`]
  const pinned = ['-c', String(PINNED_CPU), 'sockperf', ...args(PORTS.pinnedEcho)]
  pod.serve('sockperf', args(PORTS.echo), log)
  pod.serve('taskset', pinned, log)
  await pod.listening(PORTS.echo)
  await pod.listening(PORTS.pinnedEcho)
}

/** In memory alone: the disk is not what is measured. */
async function redis(pod: Pod, dir: string): Promise<void> {
  const args = ['--port', String(PORTS.redis), '--bind', '0.0.0.0', '--protected-mode', 'no']
  const nothingKept = ['--save', '', '--appendonly', 'no', '--dir', dir]
  pod.serve('redis-server', [...args, ...nothingKept], logOf(pod, dir, 'redis'))
  await pod.listening(PORTS.redis)
}

async function nginx(pod: Pod, dir: string): Promise<void> {
  const home = join(dir, `nginx-${pod.name}`)
  mkdirSync(home)
  const { key, certificate } = makeCertificate(dir)
  const config = join(home, 'nginx.conf')
  writeFileSync(config, nginxConfig(home, key, certificate))
  pod.serve('/usr/sbin/nginx', ['-c', config], logOf(pod, dir, 'nginx'))
  for (const port of [PORTS.http, PORTS.tls, PORTS.port, PORTS.requests]) await pod.listening(port)
}

/** P-256: the key exchange is what short TLS connections spend their time on. */
function makeCertificate(dir: string): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')]
  if (existsSync(certificate)) return { key, certificate }
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['-subj', '/CN=bench.example', '-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', ...kind, '-days', '2', ...names], { stdio: 'ignore' })
  return { key, certificate }
}

/** Each TLS connection is a whole handshake: nothing is resumed. */
function nginxConfig(home: string, key: string, certificate: string): string {
  const plain = [PORTS.http, PORTS.port, PORTS.requests].map((port) => `listen ${port};`).join(' ')
  return `daemon off; user root; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  server {
    ${plain} listen ${PORTS.tls} ssl;
    ssl_certificate ${certificate}; ssl_certificate_key ${key};
    ssl_session_cache off; ssl_session_tickets off;
    location / { return 200 "hello\\n"; }
  }
}
`
}
