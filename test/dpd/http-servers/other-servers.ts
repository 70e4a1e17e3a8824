/** Servers that are not installed for the tests: by hand, where they are there. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Handled, type HttpServer, startLogged } from './server.js'

/** status, method, host, path */
const handledAt =
  (status: number) =>
  ([code, method = '', host = '', path = '']: readonly string[]): Handled | null =>
    Number(code) === status ? { method, paths: [path], host, status } : null

const startApache = (): Promise<HttpServer> =>
  startLogged({
    name: 'apache',
    http1: 8_003,
    http2: 8_003,
    configure(folder, address) {
      const file = join(folder, 'apache.conf')
      const modules = ['mpm_event', 'rewrite', 'http2', 'authz_core', 'reqtimeout']
      writeFileSync(
        file,
        `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
User nobody
DefaultRuntimeDir ${folder}
Listen ${address}:8003
ServerName a.example
ErrorLog ${folder}/error
LogFormat "%h\\t%>s\\t%m\\t%V\\t%U" handled
CustomLog ${folder}/log handled
Protocols h2c http/1.1
H2ModernTLSOnly off
KeepAliveTimeout 1
RequestReadTimeout header=1 body=1
AllowEncodedSlashes On
DocumentRoot ${folder}
RewriteEngine On
RewriteRule ^ - [R=204,L]
`,
      )
      return file
    },
    command: (file) => ['apache2', '-D', 'FOREGROUND', '-f', file],
    read: handledAt(204),
  })

const startLighttpd = (): Promise<HttpServer> =>
  startLogged({
    name: 'lighttpd',
    http1: 8_004,
    http2: 8_004,
    configure(folder, address) {
      const file = join(folder, 'lighttpd.conf')
      writeFileSync(
        file,
        `server.bind = "${address}"
server.port = 8004
server.document-root = "${folder}"
server.modules = ("mod_accesslog")
server.max-keep-alive-idle = 1
server.max-read-idle = 1
accesslog.filename = "${folder}/log"
accesslog.format = "%h\\t%s\\t%m\\t%V\\t%U"
server.errorlog = "${folder}/error"
`,
      )
      writeFileSync(join(folder, 'log'), '')
      return file
    },
    command: (file) => ['lighttpd', '-D', '-f', file],
    read: ([code, method = '', host = '', path = '']) =>
      path !== '' && [200, 403, 404, 405].includes(Number(code))
        ? { method, paths: [decode(path)], host, status: Number(code) }
        : null,
  })

const GO = `package main

import ("fmt"; "net"; "net/http"; "os"; "os/signal"; "syscall"; "io"; "sync"; "path"; "strings")

func main() {
	log, _ := os.Create(os.Args[2])
	var mu sync.Mutex
	srv := &http.Server{Addr: os.Args[1], Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		clean := path.Clean("/" + r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/.") || strings.HasSuffix(r.URL.Path, "/..") { clean += "/" }
		if strings.HasSuffix(r.URL.Path, "/") && clean != "/" { clean += "/" }
		mu.Lock()
		esc := func(s string) string { q := fmt.Sprintf("%+q", s); return q[1:len(q)-1] }
		_ = esc
		fmt.Fprintf(log, "%s\\t200\\t%s\\t%s\\t%s\\t%s\\n", client, r.Method, hex(r.Host), hex(r.URL.Path), hex(clean))
		mu.Unlock()
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(200)
		fmt.Fprintln(w, r.Method)
	})}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go srv.ListenAndServe()
	<-stop
}

func hex(s string) string {
	out := ""
	for i := 0; i < len(s); i++ { if s[i] < 0x20 || s[i] > 0x7e || s[i] == '\\\\' { out += fmt.Sprintf("\\\\x%02x", s[i]) } else { out += string(s[i]) } }
	return out
}
`

const startGo = (): Promise<HttpServer> =>
  startLogged({
    name: 'go',
    http1: 8_005,
    configure(folder, address) {
      writeFileSync(join(folder, 'main.go'), GO)
      return `${address}:8005`
    },
    command: (address, folder) => [
      'sh',
      '-c',
      `cd ${folder} && HOME=${folder} GOCACHE=/tmp/vethwall-go-cache go build -o serve main.go && exec ./serve ${address} log`,
    ],
    read: ([code, method = '', host = '', ...paths]) =>
      Number(code) === 200 ? { method, paths, host, status: 200 } : null,
  })

const PYTHON = `
import re, sys, threading, posixpath, urllib.parse, signal, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
log = open(sys.argv[3], 'wb', buffering=0)
lock = threading.Lock()
def hexed(octets):
    return b''.join(b'\\\\x%02x' % c if c < 32 or c > 126 or c == 92 else bytes([c]) for c in octets)
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 1
    def log_message(self, *args): pass
    def handle_any(self):
        path = re.sub('^[A-Za-z]+://[^/?#]*', '', self.path).split('?', 1)[0].split('#', 1)[0]
        raw = urllib.parse.unquote_to_bytes(path.encode('latin-1'))
        host = self.headers.get('Host') or ''
        with lock:
            log.write(b'\\t'.join([self.client_address[0].encode(), b'200', self.command.encode('latin-1'), hexed(host.encode('latin-1', 'replace')), hexed(raw)]) + b'\\n')
        length = self.headers.get('Content-Length')
        if READS and length: self.rfile.read(int(length))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def __getattr__(self, name):
        if name[3:] in ('GET','HEAD','POST','PUT','DELETE','OPTIONS','PATCH','PROPFIND'): return self.handle_any
        raise AttributeError(name)
READS = sys.argv[4] == 'reads'
class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    def handle_error(self, *args): pass
signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
`

const startPython = (name: string, port: number, reads: string) => (): Promise<HttpServer> =>
  startLogged({
    name,
    http1: port,
    configure(folder, address) {
      writeFileSync(join(folder, 'serve.py'), PYTHON)
      return address
    },
    command: (address, folder) => [
      '/usr/bin/python3',
      join(folder, 'serve.py'),
      address,
      `${port}`,
      join(folder, 'log'),
      reads,
    ],
    read: handledAt(200),
  })

const WSGI = `
import os
def hexed(octets):
    return b''.join(b'\\\\x%02x' % c if c < 32 or c > 126 or c == 92 else bytes([c]) for c in octets)
log = os.open(os.environ['LOG'], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def app(environ, start):
    e = lambda n: hexed(environ.get(n, '').encode('latin-1'))
    os.write(log, b'\\t'.join([e('REMOTE_ADDR'), b'200', e('REQUEST_METHOD'), e('HTTP_HOST'), e('PATH_INFO')]) + b'\\n')
    start('200 OK', [('Content-Length', '0')])
    return [b'']
`

const startGunicorn = (): Promise<HttpServer> =>
  startLogged({
    name: 'gunicorn',
    http1: 8_008,
    configure(folder, address) {
      writeFileSync(join(folder, 'wsgi.py'), WSGI)
      writeFileSync(join(folder, 'log'), '')
      return `${address}:8008`
    },
    command: (address, folder) => [
      'env',
      `LOG=${folder}/log`,
      '/usr/bin/gunicorn',
      '--chdir',
      folder,
      '-k',
      'gthread',
      '--threads',
      '32',
      '--keep-alive',
      '1',
      '-b',
      address,
      'wsgi:app',
    ],
    read: handledAt(200),
  })

const startHaproxy = (): Promise<HttpServer> =>
  startLogged({
    name: 'haproxy',
    http1: 8_009,
    http2: 8_010,
    configure(folder, address) {
      const file = join(folder, 'haproxy.cfg')
      mkdirSync(join(folder, 'x'))
      writeFileSync(
        file,
        `global
  log stdout format raw local0
defaults
  mode http
  timeout client 1s
  timeout http-request 1s
  timeout http-keep-alive 1s
frontend f
  bind ${address}:8009
  bind ${address}:8010 proto h2
  log global
  log-format "%ci\\t200\\t%HM\\t%[var(txn.host)]\\t%[var(txn.path)]"
  http-request set-var(txn.host) req.hdr(host),lower,hex
  http-request set-var(txn.path) path,hex
  http-request return status 200
`,
      )
      return file
    },
    command: (file, folder) => ['sh', '-c', `exec haproxy -db -f ${file} > ${folder}/log`],
    read: ([code, method = '', host = '', path = '']) => {
      if (method === '<BADREQ>') return null
      const plain = (hex: string) => (hex === '-' ? '' : Buffer.from(hex, 'hex').toString('latin1'))
      const sent = method.replace(/#([0-9A-F]{2})/g, (_, hex: string) => plain(hex))
      return { method: sent, paths: [decode(plain(path))], host: plain(host), status: Number(code) }
    },
  })

export const OTHERS: Readonly<Record<string, () => Promise<HttpServer>>> = {
  apache: startApache,
  lighttpd: startLighttpd,
  go: startGo,
  python: startPython('python', 8_006, 'reads'),
  'python-unread': startPython('python-unread', 8_007, 'ignores'),
  gunicorn: startGunicorn,
  haproxy: startHaproxy,
}

const decode = (path: string): string =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
