import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HttpServer, startLogged } from './server.js'

/** 400 and the like are no requests that were handled. */
const HANDLED = 200

export const startNginx = (): Promise<HttpServer> =>
  startLogged({
    name: 'nginx',
    http1: 8_001,
    http2: 8_002,
    configure(folder, address) {
      const file = join(folder, 'nginx.conf')
      writeFileSync(
        file,
        `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error crit;
events { worker_connections 512; }
http {
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  log_format handled '$remote_addr\\t$status\\t$request_method\\t$host\\t$uri\\t$http_host';
  access_log ${folder}/log handled;
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; lingering_close off;
  server {
    listen ${address}:8001; listen ${address}:8002 http2;
    location / { return ${HANDLED} "$request_method $uri\\n"; }
  }
}
`,
      )
      return file
    },
    command: (file) => ['nginx', '-c', file],
    read: ([status, method = '', host = '', path = '']) =>
      Number(status) === HANDLED ? { method, paths: [path], host, status: HANDLED } : null,
  })
