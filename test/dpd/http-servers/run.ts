/**
 * By hand, the servers that are here: `node .build/test/dpd/http-servers/run.js SERVER… [http1|http2|upgraded]
 * [--cases N] [--seed N]`. Prints the first finding of each kind.
 */
import { startNginx } from './nginx.js'
import { startNodeServer } from './node-server.js'
import { OTHERS } from './other-servers.js'
import type { HttpServer } from './server.js'
import { type Finding, KINDS, type Kind, survey } from './survey.js'

const SERVERS: Readonly<Record<string, () => Promise<HttpServer>>> = {
  nginx: startNginx,
  node: startNodeServer,
  ...OTHERS,
}
const SHOWN = 400

const words = process.argv.slice(2)
const number = (name: string, otherwise: number): number => {
  const at = words.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(words[at + 1])
}
const isKind = (word: string): word is Kind => Object.hasOwn(KINDS, word)

/** Runs of the same few octets are one. */
const brief = (text: string): string =>
  JSON.stringify(text.replace(/(.{1,4})\1{20,}/gs, '$1…')).slice(0, SHOWN)

function show({ number, what, octets, exchange }: Finding): string {
  const { app, state, clause, announced } = exchange
  const requests = announced.map(({ fields }) => [fields.method, fields.host, fields.path])
  return `case ${number}: ${what.slice(0, SHOWN)}
  sent ${brief(octets)}
  ${app} ${state} ${clause}; announced ${JSON.stringify(requests).slice(0, SHOWN)}`
}

const kind = words.find(isKind) ?? 'http1'
const cases = number('cases', 2_000)
for (const name of words) {
  const server = await SERVERS[name]?.()
  if (server === undefined) continue
  const { handled, findings } = await survey(server, kind, number('seed', 1), cases)
  const kinds = new Map<string, Finding>()
  for (const finding of [...findings].reverse()) {
    kinds.set(finding.what.replace(/\/r\d/g, '/r'), finding)
  }
  for (const finding of kinds.values()) console.log(show(finding))
  console.log(
    `${name} ${kind}: ${cases} cases, ${handled} requests handled, ${findings.length} findings`,
  )
}
process.exit(0)
