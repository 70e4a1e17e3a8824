/** Plain servers and clients inside pods: they say on stdout what the socket told them. */
import { join } from 'node:path'
import type { Pod } from '../node.js'

/** Echoes TCP and UDP on these ports, IPv4 and IPv6; what TCP receives is kept in a file. */
const ECHO = `const net = require('net'), dgram = require('dgram'), fs = require('fs')
const { tcp, udp, file, banner } = JSON.parse(process.argv[1])
for (const port of tcp) net.createServer({ allowHalfOpen: true }, (s) => {
  if (banner) s.write(banner)
  s.on('error', () => {}).on('end', () => s.end())
  s.on('data', (d) => { fs.appendFileSync(file, d); s.write(d) })
}).listen(port, '::')
for (const port of udp) { const s = dgram.createSocket('udp6'); s.on('message', (m, r) => s.send(m, r.port, r.address)); s.bind(port) }`

export interface EchoOptions {
  readonly tcp?: readonly number[]
  readonly udp?: readonly number[]
  /** Sent as soon as a connection is there. */
  readonly banner?: string
}

/** Returns the file with what its TCP ports received. */
export async function startEcho(
  pod: Pod,
  dir: string,
  { tcp = [], udp = [], banner = '' }: EchoOptions,
): Promise<string> {
  const name = `${pod.name}-${[...tcp, ...udp].join('-')}`
  const file = join(dir, `${name}.received`)
  const options = JSON.stringify({ tcp, udp, banner, file })
  pod.serve(process.execPath, ['-e', ECHO, options], join(dir, `${name}.log`))
  for (const port of tcp) await pod.listening(port)
  for (const port of udp) await pod.listening(port, 'udp')
  return file
}

const CLIENT = `const net = require('net'), dgram = require('dgram')

function tcp({ host, port, parts, until, deadlineMs }) {
  return new Promise((resolve) => {
    const started = Date.now()
    let text = '', connected = false
    const s = net.connect({ port, host, noDelay: true })
    const end = (how) => { clearTimeout(timer); s.destroy(); resolve({ how, connected, text, tookMs: Date.now() - started }) }
    const timer = setTimeout(() => end('silence'), deadlineMs)
    s.setEncoding('latin1')
    s.on('error', (e) => end(e.code)).on('end', () => end('end'))
    s.on('data', (d) => { text += d; if (text.includes(until)) end('ok') })
    s.on('connect', () => {
      connected = true
      parts.forEach((part, i) => setTimeout(() => s.writable && s.write(Buffer.from(part, 'latin1')), i * 30))
    })
  })
}
function udp({ host, port, deadlineMs }) {
  return new Promise((resolve) => {
    const started = Date.now()
    const s = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const end = (how) => { clearTimeout(timer); s.close(); resolve({ how, connected: false, text: '', tookMs: Date.now() - started }) }
    const timer = setTimeout(() => end('silence'), deadlineMs)
    s.on('error', (e) => end(e.code)).on('message', () => end('ok'))
    s.connect(port, host, () => s.send('hello'))
  })
}
Promise.all(JSON.parse(process.argv[1]).map((c) => (c.protocol === 'udp' ? udp(c) : tcp(c))))
  .then((all) => console.log(JSON.stringify(all)))`

export interface Call {
  readonly protocol?: 'tcp' | 'udp'
  readonly host: string
  readonly port: number
  /** Written 30 ms apart, so that each is a segment of its own. */
  readonly parts?: readonly string[]
  /** Heard this: done. */
  readonly until?: string
  /** Heard nothing by then: `silence`. */
  readonly deadlineMs?: number
}
export interface Heard {
  /** ok, end, silence, or the error's code. */
  readonly how: string
  readonly connected: boolean
  readonly text: string
  readonly tookMs: number
}

const DEFAULTS = { protocol: 'tcp', parts: ['hello'], until: 'hello', deadlineMs: 4000 }

/** All at once, answers in their order. */
export async function talk(pod: Pod, calls: readonly Call[]): Promise<readonly Heard[]> {
  const full = calls.map((call) => ({ ...DEFAULTS, ...call }))
  const { stdout, stderr } = await pod.exec(process.execPath, ['-e', CLIENT, JSON.stringify(full)])
  if (stdout === '') throw new Error(`${pod.name}: the client said nothing: ${stderr}`)
  return JSON.parse(stdout) as Heard[]
}
