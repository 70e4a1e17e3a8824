import t from 'tap'
import { type FlowEnds, LabelError, labelFor, readLabels } from '../../../bench/score/labels.js'

const flow = (opener: string, openerPort: number, receiver: string, port: number): FlowEnds => ({
  transport: 'tcp',
  opener: { address: opener, port: openerPort },
  receiver: { address: receiver, port },
})
const WEB = flow('192.0.2.1', 40_000, '192.0.2.2', 8080)

/** Of one file's one flow. */
function read(path: string, text: string, file = 'a.pcap', ends: FlowEnds = WEB) {
  const label = labelFor(readLabels(path, text).of(file), ends)
  return label === null ? null : [label.protocol.app, label.name, label.line()]
}

t.test('per file: commas, tabs, spaces, a header or none, remarks', async (t) => {
  for (const text of [
    'a.pcap,http',
    'a.pcap\thttp',
    'a.pcap;http',
    'a.pcap http',
    '"a.pcap","http"',
  ])
    t.same(read('l.csv', text), ['http', null, 1], text)
  t.same(read('l.txt', '# one\n\na.pcap  https  shop.example\r\n'), ['tls', 'shop.example', 3])
  t.same(read('l.csv', 'label,pcap\nh2,a.pcap'), ['http', null, 2])
  t.same(read('l.csv', 'File Name,Proto\na.pcap,grpc'), ['http', null, 2])
})

t.test('columns of a flow without a file, in the order of others', async (t) => {
  const row = 'src_ip,src_port,dst_ip,dst_port'
  const ends = '192.0.2.1,40000,192.0.2.2,8080'
  for (const text of [
    `${row},proto,label\n${ends},6,SSL/TLS`,
    `${row},protocol,label\n${ends},TCP,TLS.Service`,
    `label,${row},protocol\nTLSv1.2,${ends},TCP`,
    `\uFEFF${row},protocol\n${ends},wss`,
  ])
    t.same(read('l.csv', text), ['tls', null, 2], text)
  t.same(read('l.json', '[{"dport": 8080, "label": "mysql (MariaDB)"}]'), ['mysql', null, 1])
  t.same(read('l.csv', `${row},label\n${ends},http/2.0`), ['http', null, 2])
  t.same(read('l.csv', `${row},label\n${ends},X.Other`), ['xother', null, 2])
})

t.test('the file by its path, its last part, without its ending, or by a glob', async (t) => {
  const file = 'web/a.pcap.gz'
  for (const name of [file, 'a.pcap.gz', 'web/a', 'a', 'web/*', './a'])
    t.same(read('l.csv', `${name},dns`, file), ['dns', null, 1], name)
  t.equal(read('l.csv', 'b,dns', file), null)
})

t.test('per flow, before its file, from either end, with any for what is empty', async (t) => {
  const file = 'a.pcap,quic\n'
  for (const row of [
    '192.0.2.1,40000,192.0.2.2,8080,tcp,postgres',
    '192.0.2.2,8080,192.0.2.1,40000,6,postgres',
    ',40000,,,,pgsql',
    '*,*,192.0.2.2,*,*,PostgreSQL',
    ',,,,TCP,postgre',
  ])
    t.same(read('l.csv', `${file}a.pcap,${row}`), ['postgresql', null, 2], row)
  for (const row of ['192.0.2.1,8080,192.0.2.2,40000,tcp,ssh', ',,,,udp,ssh', '192.0.2.3,,,,,ssh'])
    t.same(read('l.csv', `${file}a.pcap,${row}`), ['quic', null, 1], row)
  const v6 = flow('2001:db8::1', 5, '2001:db8::2', 6)
  t.same(read('l.csv', 'a.pcap,2001:DB8:0::1,5,2001:db8::2,6,tcp,ssh', 'a.pcap', v6), [
    'ssh',
    null,
    1,
  ])
})

t.test('JSON: a list, or a map of files', async (t) => {
  t.same(read('l.json', '[{"file": "a.pcap", "protocol": "mongo"}]'), ['mongodb', null, 1])
  t.same(read('l.json', '{"b": "dns",\n "a.pcap": "mongo"}'), ['mongodb', null, 2])
  t.same(read('l.json', '{"a.pcap": {"label": "dns", "qname": "x.example"}}'), [
    'dns',
    'x.example',
    1,
  ])
  const flows = '{"a.pcap": [\n{"sport": 40000, "dport": 8080, "app": "ssh"},\n{"label": "dns"}]}'
  t.same(read('l.json', flows), ['ssh', null, 2])
  t.same(read('l.json', flows, 'a.pcap', flow('::', 1, '::', 2)), ['dns', null, 3])
})

t.test('an error names file and line', async (t) => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['l.csv', 'a.pcap,dns\nb.pcap', /^l\.csv:2: protocol: missing/],
    ['l.csv', 'a,1.2.3,1,2.3.4.5,2,tcp,dns', /^l\.csv:1: source: .*no IP address/],
    ['l.csv', 'a,,99999,,2,tcp,dns', /^l\.csv:1: sourcePort/],
    ['l.csv', 'a,,,,,sctp,dns', /^l\.csv:1: transport: use .*tcp/],
    ['l.json', '[{"file": "a",\n', /^l\.json:\d+: /],
    ['l.json', '[\n{"file": "a"}]', /^l\.json:2: protocol: missing/],
    ['l.json', '{"a": 7}', /^l\.json:1: no label/],
    ['l.json', '7', /^l\.json:1: neither/],
  ]
  for (const [path, text, message] of wrong)
    t.throws(() => readLabels(path, text), { constructor: LabelError, message }, text)
})

t.test('rows for captures that are not there', async (t) => {
  const labels = readLabels('l.csv', 'a.pcap,dns\nb.pcap,dns')
  labels.of('a.pcap')
  t.match(labels.unused(), ['l.csv:2: there is no capture b.pcap'])
})
