/** Real servers inside pods: nginx for HTTP and TLS, dnsmasq for DNS. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod } from '../test/node.js'

/** HTTP on 80, TLS on 443, both families; answers every method on every path. */
export async function startWeb(pod: Pod, dir: string, label = pod.name): Promise<void> {
  const home = join(dir, `nginx-${label}`)
  mkdirSync(home, { recursive: true })
  const key = join(home, 'key.pem')
  const certificate = join(home, 'certificate.pem')
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=shop.example',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    { stdio: 'ignore' },
  )
  const config = join(home, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off; user root; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 256; }
http {
  access_log ${home}/access.log;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  server {
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl;
    ssl_certificate ${certificate}; ssl_certificate_key ${key};
    location / { return 200 "hello from ${label}\\n"; }
  }
}
`,
  )
  pod.serve('/usr/sbin/nginx', ['-c', config], join(home, 'output.log'))
  await pod.listening(80)
  await pod.listening(443)
}

/** Every name below `example` and below `forbidden` has an address. */
export async function startDns(pod: Pod, dir: string): Promise<void> {
  pod.serve(
    '/usr/sbin/dnsmasq',
    [
      '--no-daemon',
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--user=root',
      `--pid-file=${join(dir, 'dnsmasq.pid')}`,
      '--address=/example/192.0.2.1',
      '--address=/example/2001:db8::1',
      '--address=/forbidden/192.0.2.66',
    ],
    join(dir, 'dnsmasq.log'),
  )
  await pod.listening(53, 'udp')
}
