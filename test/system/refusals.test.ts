/** Denied transactions of real clients: each hears its protocol's own refusal, the server hears nothing. */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node, type Pod } from '../node.js'
import { root } from '../root.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: data, namespace: default }
spec:
  podSelector: { matchLabels: { role: data } }
  mode: protect
  failure: closed
  ingress:
    - name: cache
      ports: [{ port: 6379 }]
      redis: [{ commands: [GET, SET], keys: ['app:*'] }, { commands: [PING] }]
    - name: orders
      ports: [{ port: 5432 }]
      sql: [{ verbs: [SELECT, INSERT], tables: [orders] }, { verbs: [SHOW] }]
    - name: ledger
      ports: [{ port: 3306 }]
      sql: [{ verbs: [SELECT, INSERT], tables: [orders] }]
    - name: cart
      ports: [{ port: 50051 }]
      grpc: [{ services: [shop.Cart], methods: [Get] }]
`
const POSTGRES = '/usr/lib/postgresql/15/bin'
const GRPC = `const grpc = require('@grpc/grpc-js')
const pass = { requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b, requestStream: false, responseStream: false }
const service = { Get: { path: '/shop.Cart/Get', ...pass }, Delete: { path: '/shop.Cart/Delete', ...pass } }
`
const GRPC_SERVER = `${GRPC}
const answer = (call, done) => { console.log(call.getPath()); done(null, Buffer.from('ok')) }
const server = new grpc.Server()
server.addService(service, { Get: answer, Delete: answer })
server.bindAsync('[::]:50051', grpc.ServerCredentials.createInsecure(), () => {})
`
const GRPC_CLIENT = `${GRPC}
const client = new grpc.Client(process.argv[2] + ':50051', grpc.credentials.createInsecure())
const deadline = () => ({ deadline: Date.now() + 10000 })
const same = (b) => b
const ask = (method) => new Promise((resolve) => client.makeUnaryRequest('/shop.Cart/' + method, same, same, Buffer.from('x'), new grpc.Metadata(), deadline(), (error, answer) => resolve(error ? error.code : String(answer))))
ask('Get').then(async (first) => { console.log(first, await ask('Delete')); client.close() })
`

interface World {
  readonly node: Node
  readonly data: Pod
  readonly client: Pod
  readonly postgresLog: string
  readonly mariadbLog: string
  readonly grpcLog: string
}

async function servePostgres(node: Node, data: Pod): Promise<string> {
  const home = join(node.dir, 'postgres')
  mkdirSync(home)
  const { stdout } = await node.exec('id', ['-u', 'postgres'])
  chmodSync(node.dir, 0o755)
  chownSync(home, Number(stdout), Number(stdout))
  const as = ['--reuid=postgres', '--regid=postgres', '--clear-groups']
  const made = await node.exec('setpriv', [
    ...[...as, `${POSTGRES}/initdb`, '-D', home, '-A', 'trust', '-U', 'app', '-N'],
  ])
  if (made.status !== 0) throw new Error(made.stderr)
  writeFileSync(join(home, 'pg_hba.conf'), 'host all all all trust\n')
  const log = join(node.dir, 'postgres.log')
  const settings = [
    'listen_addresses=*',
    'unix_socket_directories=',
    'log_statement=all',
    'fsync=off',
  ]
  const args = settings.flatMap((setting) => ['-c', setting])
  data.serve('setpriv', [...as, `${POSTGRES}/postgres`, '-D', home, ...args], log)
  await data.listening(5432)
  return log
}

const MARIADB_INIT = `create database shop;
create table shop.orders (n int);
create user app@'%';
grant all on shop.* to app@'%';
`

/** Its log has every statement that it is asked. */
async function serveMariadb(node: Node, data: Pod): Promise<string> {
  const home = join(node.dir, 'mariadb')
  const as = ['--no-defaults', '--user=root', `--datadir=${home}`]
  const made = await node.exec('mariadb-install-db', [
    ...[...as, '--auth-root-authentication-method=normal', '--skip-test-db'],
  ])
  if (made.status !== 0) throw new Error(made.stderr)
  const init = join(node.dir, 'mariadb.sql')
  writeFileSync(init, MARIADB_INIT)
  const log = join(node.dir, 'mariadb-statements.log')
  const settings = [
    ...['--bind-address=*', '--skip-name-resolve', `--socket=${join(node.dir, 'mariadb.sock')}`],
    ...[`--pid-file=${join(node.dir, 'mariadb.pid')}`, `--init-file=${init}`],
    ...['--general-log', `--general-log-file=${log}`, '--innodb-buffer-pool-size=16M'],
  ]
  data.serve('/usr/sbin/mariadbd', [...as, ...settings], join(node.dir, 'mariadb.log'))
  await data.listening(3306)
  return log
}

async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwrf${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(
    join(node.endpointsDir, 'who.yaml'),
    'pods: [{ namespace: default, name: data, labels: { role: data } }]\n',
  )
  writeFileSync(join(node.policyDir, 'data.yaml'), POLICY)
  await node.startDpd()
  const data = await node.addPod('data')
  const client = await node.addPod('client')
  const redis = [
    '--bind',
    '0.0.0.0',
    '::',
    '--protected-mode',
    'no',
    '--save',
    '',
    '--dir',
    node.dir,
  ]
  data.serve('/usr/bin/redis-server', redis, join(node.dir, 'redis.log'))
  const grpcLog = join(node.dir, 'grpc.log')
  // Resolved from the project's node_modules.
  const server = join(root, '.build', `refusals-${process.pid}.cjs`)
  writeFileSync(server, GRPC_SERVER)
  t.teardown(() => rmSync(server))
  data.serve(process.execPath, [server], grpcLog)
  const postgresLog = await servePostgres(node, data)
  const mariadbLog = await serveMariadb(node, data)
  await data.listening(6379)
  await data.listening(50051)
  return { node, data, client, postgresLog, mariadbLog, grpcLog }
}

t.setTimeout(180_000)
t.test("a denied transaction gets its protocol's own refusal", async (t) => {
  const { data, client, postgresLog, mariadbLog, grpcLog } = await makeWorld(t)
  const hosts = [data.ip4, data.ip6]

  await t.test('redis-cli: NOPERM', async (t) => {
    for (const host of hosts) {
      const cli = (...words: string[]) => client.exec('redis-cli', ['-h', host, ...words])
      t.equal((await cli('SET', 'app:1', 'x')).stdout.trim(), 'OK')
      t.match((await cli('GET', 'other')).stdout, /^NOPERM /)
      t.match((await cli('DEL', 'app:1')).stdout, /^NOPERM /)
      t.equal((await cli('GET', 'app:1')).stdout.trim(), 'x')
    }
    const { stdout } = await data.exec('redis-cli', ['INFO', 'commandstats'])
    t.match(stdout, /cmdstat_get:calls=2,/)
    t.notMatch(stdout, /cmdstat_del/)
  })

  await t.test('psql: insufficient_privilege', async (t) => {
    const psql = (host: string, text: string) =>
      client.exec('psql', ['-h', host, '-U', 'app', '-d', 'postgres', '-Atc', text])
    const own = await data.exec('psql', [
      ...['-h', '127.0.0.1', '-U', 'app', '-d', 'postgres', '-c', 'create table orders (n int)'],
    ])
    t.equal(own.status, 0, own.stderr)
    for (const host of hosts) {
      t.equal(
        (await psql(host, 'insert into orders values (1) returning n')).stdout.split('\n')[0],
        '1',
      )
      const denied = await psql(host, 'delete from orders where n = 1')
      t.match(denied.stderr, /denied by network policy|insufficient/i)
      const joined = await psql(host, 'select 1 from orders, pg_authid')
      t.match(joined.stderr, /denied by network policy|insufficient/i)
    }
    t.match((await psql(data.ip4, 'select count(*) from orders')).stdout, '2')
    t.notMatch(readFileSync(postgresLog, 'utf8'), /delete from|pg_authid/)
  })

  await t.test('mariadb: table access denied', async (t) => {
    const sql = (host: string, ...texts: string[]) =>
      client.exec('mariadb', [
        ...['--no-defaults', '-h', host, '-u', 'app', '-NBA', 'shop', '-e', texts.join('; ')],
      ])
    for (const host of hosts) {
      const added = await sql(host, 'insert into orders values (1)')
      t.equal(added.status, 0, added.stderr)
      for (const text of ['delete from orders where n = 1', 'select 1 from orders, mysql.user']) {
        const { status, stdout, stderr } = await sql(host, 'select 7 from orders limit 1', text)
        t.equal(stdout, '7\n', 'what is before it on the connection')
        t.match(stderr, /^ERROR 1142 \(42000\) at line 1: Denied by network policy$/m)
        t.not(status, 0)
      }
    }
    t.equal((await sql(data.ip4, 'select count(*) from orders')).stdout, '2\n')
    const asked = readFileSync(mariadbLog, 'utf8')
    t.match(asked, /select count\(\*\) from orders/)
    t.notMatch(asked, /delete from|mysql\.user/)
  })

  await t.test('grpc-js: PERMISSION_DENIED', async (t) => {
    const script = join(root, '.build', `refusals-client-${process.pid}.cjs`)
    writeFileSync(script, GRPC_CLIENT)
    t.teardown(() => rmSync(script))
    for (const host of [data.ip4, `[${data.ip6}]`]) {
      const { stdout, stderr } = await client.exec(process.execPath, [script, host])
      t.equal(stdout.trim(), 'ok 7', stderr)
    }
    t.same(readFileSync(grpcLog, 'utf8').trim().split('\n'), ['/shop.Cart/Get', '/shop.Cart/Get'])
  })
})
