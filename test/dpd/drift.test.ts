import t from 'tap'
import type { EndpointRecord } from '../../src/core/endpoint.js'
import { DriftBook, type Mended } from '../../src/dpd/drift-book.js'
import { DriftRepair } from '../../src/dpd/drift-repair.js'
import { nameOf } from '../../src/dpd/endpoint-name.js'
import type { Endpoint } from '../../src/dpd/endpoints.js'
import type { Drift, PathSetting } from '../../src/intercept/driver.js'
import { RECORD } from './record.js'

const DOWN: Drift = { what: 'link', subject: 'link vin-1', want: 'up', have: 'down' }
const GONE: Drift = { what: 'link', subject: 'link vin-1', want: 'there', have: 'none' }
const FILTER: Drift = { what: 'filter', subject: 'filter on vth', want: 'ours', have: 'none' }

function makeWorld(more: Partial<Endpoint> = {}) {
  const log: string[] = []
  const endpoint: Endpoint = {
    ...{ record: RECORD, mode: 'protect', failure: 'closed', path: 'inline', applied: true },
    ...{ sources: '', epoch: 7, engineEpoch: 7, verdicts: null },
    ...more,
  }
  const world = {
    log,
    endpoints: [endpoint],
    shared: [] as Drift[],
    drift: [] as Drift[],
    touched: null as ReadonlySet<number> | null,
    looked: [] as number[],
    isAlive: true,
    settings: [] as PathSetting[],
    kept: [] as number[],
    /** What an attempt says; null = a plugin is at work. */
    mended: ((found) => ({ found, left: [], fault: null })) as (
      found: readonly Drift[],
    ) => Mended | null,
  }
  const book = new DriftBook((message) => log.push(message))
  const repair = new DriftRepair({
    endpoints: { all: () => world.endpoints },
    book,
    warn: (message) => log.push(message),
    pipes: {
      survey: () => ({
        shared: world.shared,
        touched: world.touched,
        endpoint: ({ id }) => {
          world.looked.push(id)
          return world.drift
        },
      }),
      mendShared: () => world.mended(world.shared),
      mend: (_record: EndpointRecord, setting: PathSetting) => {
        world.settings.push(setting)
        return world.mended(world.drift)
      },
      keep: ({ id }: EndpointRecord) => void world.kept.push(id),
      isAlive: () => world.isAlive,
    },
  })
  return { world, book, repair }
}

t.test('a repaired difference is counted by kind and logged once', async (t) => {
  const { world, book, repair } = makeWorld()
  world.drift = [DOWN]
  world.shared = [FILTER]
  t.notOk(repair.pass())
  t.match(book.repaired, { link: 1, filter: 1, map: 0 })
  t.same(world.log, [
    'what all endpoints share: drift repaired: filter on vth: none, not ours',
    `${nameOf(RECORD)}: drift repaired: link vin-1: down, not up`,
  ])
  t.same(world.settings, [{ path: 'inline', failure: 'closed', strict: true, epoch: 7 }])
  world.drift = world.shared = []
  repair.pass()
  t.equal(world.log.length, 2)
  t.equal(repair.passes, 2)
})

t.test('what is left is told once, until it changes or goes', async (t) => {
  const { world, book, repair } = makeWorld()
  world.drift = [DOWN]
  world.mended = (found) => ({ found, left: found, fault: 'EPERM' })
  repair.pass()
  repair.pass()
  const text = `${nameOf(RECORD)}: drift not repaired: link vin-1: down, not up: EPERM`
  t.same(world.log, [text])
  t.same(book.findings(), [text])
  t.equal(book.unrepaired.link, 1)
  world.mended = (found) => ({ found, left: found, fault: 'EBUSY' })
  repair.pass()
  t.equal(world.log.length, 2, 'another reason')
  world.endpoints = []
  repair.pass()
  t.same(book.findings(), [], 'who is gone has no drift')
})

t.test("what comes during an attempt is the next one's", async (t) => {
  const { world, book, repair } = makeWorld()
  world.drift = [DOWN]
  world.mended = (found) => ({ found, left: [FILTER], fault: null })
  repair.pass()
  t.same(book.findings(), [])
  t.match(book.repaired, { link: 1, filter: 0 })
})

t.test('a plugin at work is left alone', async (t) => {
  const { world, book, repair } = makeWorld()
  world.drift = [DOWN]
  world.mended = () => null
  repair.pass()
  t.same(world.log, [])
  t.equal(book.repaired.link, 0)
})

t.test(
  'a link is made anew at the second pass that misses it, and only while the pod lives',
  async (t) => {
    const { world, book, repair } = makeWorld()
    world.drift = [GONE]
    repair.pass()
    t.equal(world.settings.length, 0)
    repair.pass()
    t.equal(book.repaired.link, 1)
    world.isAlive = false
    repair.pass()
    repair.pass()
    t.equal(book.repaired.link, 1)
  },
)

t.test(
  'without its policy an endpoint is repaired by its failure setting, then gets it',
  async (t) => {
    const closed = makeWorld({ applied: false })
    closed.world.drift = [DOWN]
    t.ok(closed.repair.pass())
    t.same(closed.world.settings, [{ path: 'quarantine', failure: 'closed' }])
    const open = makeWorld({ applied: false, failure: 'open' })
    open.world.drift = [DOWN]
    t.ok(open.repair.pass())
    t.same(open.world.settings, [{ path: 'direct', failure: 'open' }])
  },
)

t.test('interfaces are kept in turn, those of sound endpoints', async (t) => {
  const { world, repair } = makeWorld()
  const [first] = world.endpoints
  if (first === undefined) return
  world.endpoints = [1, 2, 3].map((id) => ({ ...first, record: { ...RECORD, id } }))
  for (let pass = 0; pass < 10; pass++) repair.pass()
  t.same(world.kept, [1, 2, 3, 1, 2], 'each again after 8 passes')
  world.drift = [DOWN]
  repair.pass()
  t.equal(world.kept.length, 5)
})

t.test('who was sound is looked at again when touched, when it changes, and in turn', async (t) => {
  const { world, repair } = makeWorld()
  const [first] = world.endpoints
  if (first === undefined) return
  world.endpoints = Array.from({ length: 40 }, (_, at) => ({
    ...first,
    record: { ...RECORD, id: at + 1 },
  }))
  const looked = (): number[] => {
    world.looked = []
    repair.pass()
    return world.looked
  }
  t.equal(looked().length, 40, 'all at first')
  world.touched = new Set()
  const turns = [looked(), looked(), looked()]
  t.same(
    turns.map(({ length }) => length),
    [16, 8, 16],
  )
  t.equal(new Set(turns.flat()).size, 40)
  world.touched = new Set([40])
  t.same(looked(), [...Array.from({ length: 16 }, (_, at) => at + 17), 40])
  world.touched = new Set()
  const changed = world.endpoints[0]
  if (changed !== undefined) changed.path = 'tap'
  t.same(looked(), [1, ...Array.from({ length: 8 }, (_, at) => at + 33)])
})
