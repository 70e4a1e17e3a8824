/** What real clients make of a refusal. */
import { once } from 'node:events'
import { connect } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import t from 'tap'
import { registry } from '../../../../src/dpd/dpi/registry.js'
import { Inspection } from '../../../../src/dpd/dpi/stream.js'
import { viewOf } from '../deliver.js'
import { frames } from './frames.js'

/** Stands where a server is whose every request is denied; `greeting` is what it had sent before. */
async function refusing(greeting: Uint8Array): Promise<Server> {
  const server = createServer((socket) => refuseAll(socket, greeting))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function refuseAll(socket: Socket, greeting: Uint8Array): void {
  const inspection = new Inspection(viewOf('tcp'), registry)
  let at = 0
  inspection.octets('reply', 0, greeting, false)
  socket.write(greeting)
  socket.on('error', () => socket.destroy())
  socket.on('data', (octets) => {
    const { facts } = inspection.octets('orig', at, octets, false)
    at += octets.length
    for (const { fact } of facts) {
      if (fact.kind !== 'tx') continue
      socket.end(inspection.refusal(fact.tx)?.toOpener ?? '')
      return
    }
  })
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const GREETINGS = {
  'a silent server': frames(''),
  'a server that has greeted': frames('SETTINGS 0 | 3=9'),
}

for (const [name, greeting] of Object.entries(GREETINGS)) {
  t.test(`${name}: Node's HTTP/2 client gets 403`, async (t) => {
    const server = await refusing(greeting)
    const session = connect(`http://127.0.0.1:${portOf(server)}`)
    const stream = session.request({ ':path': '/denied' })
    const [headers] = await once(stream, 'response')
    t.equal(headers[':status'], 403)
    session.destroy()
    server.close()
    await once(server, 'close')
  })
}

// It asks for nothing before the server's SETTINGS have come.
t.test('grpc-js gets PERMISSION_DENIED', async (t) => {
  const server = await refusing(GREETINGS['a server that has greeted'])
  const text = { serialize: (value: string) => Buffer.from(value), deserialize: String }
  const Cart = makeGenericClientConstructor(
    {
      addItem: {
        path: '/shop.v1.Cart/AddItem',
        requestStream: false,
        responseStream: false,
        requestSerialize: text.serialize,
        requestDeserialize: text.deserialize,
        responseSerialize: text.serialize,
        responseDeserialize: text.deserialize,
      },
    },
    'Cart',
  )
  const client = new Cart(`127.0.0.1:${portOf(server)}`, credentials.createInsecure())
  const error = await new Promise<ServiceError>((done) => client.addItem?.('7', done))
  t.match(error, { code: 7, details: 'denied by network policy' })
  client.close()
  server.close()
  await once(server, 'close')
})
