/** What TLS clients begin with, from a seed: as they should, and as servers bear with or nearly. */
import type { Random } from '../../../fuzz/random.js'
import { alpn, extension, message, type Octets, text, u16, v8, v16 } from '../tls/hello.js'

const NAMES = [
  'good.example',
  'other.example',
  'GOOD.Example',
  'good.example.',
  '.',
  '',
  'a\0good.example',
  '192.0.2.1',
  'g\xf6\xf6d',
  '*',
  'good_.example',
  ' good.example',
]
const VERSIONS = [0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x0305, 0x7f1c, 0x2a2a, 0x0200]
const PROTOCOLS = ['h2', 'http/1.1', 'evil', 'x'.repeat(255), '\0', '']
const RECORD_VERSIONS = [0x0300, 0x0302, 0x0303, 0x0304, 0x0305, 0x03ff, 0x0200, 0x0400, 0x0f0f]
const X25519 = 0x001d
const CIPHERS = [0x1301, 0x1302, 0xc02b, 0xc02c, 0xc009, 0xc00a, 0x00ff]

interface Extension {
  readonly type: number
  readonly octets: Octets
}

export class TlsOctets {
  constructor(readonly random: Random) {}

  #odd<T>(plain: T, others: readonly T[], one = 10): T {
    return this.random.below(one) === 0 ? this.random.pick(others) : plain
  }

  #bytes(count: number): Octets {
    return Array.from({ length: count }, () => this.random.below(256))
  }

  #serverName(): Octets {
    const { random } = this
    const entry = (): Octets => [
      this.#odd(0, [1, 255]),
      ...v16(text(random.below(3) > 0 ? 'good.example' : random.pick(NAMES))),
    ]
    const list = random.below(10) === 0 ? [...entry(), ...entry()] : entry()
    return random.below(24) === 0
      ? extension(0, random.pick<Octets>([[], [0, 0], list]))
      : extension(0, v16(list))
  }

  #versions(): Octets {
    const { random } = this
    const list = Array.from({ length: 1 + random.below(3) }, () => random.pick(VERSIONS))
    return extension(43, v8([...list, ...this.#odd([0x0304], [[]], 3)].flatMap(u16)))
  }

  #keyShare(isThere: boolean): Octets {
    return extension(51, v16(isThere ? [...u16(X25519), ...v16(this.#bytes(32))] : []))
  }

  hello(isShared = this.random.below(8) > 0): Octets {
    const { random } = this
    const all: Extension[] = []
    const add = (octets: Octets): void => {
      all.splice(random.below(all.length + 1), 0, { type: octets[1] ?? 0, octets })
    }
    if (random.below(8) > 0) add(this.#serverName())
    if (random.below(20) === 0) add(this.#serverName())
    if (random.below(2) === 0)
      add(
        alpn(
          ...Array.from({ length: 1 + random.below(3) }, () =>
            random.below(10) === 0 ? random.pick(PROTOCOLS) : random.pick(PROTOCOLS.slice(0, 3)),
          ),
        ),
      )
    if (random.below(20) === 0) add(alpn('evil'))
    const isModern = random.below(3) > 0
    if (isModern) add(this.#versions())
    if (random.below(20) === 0) add(this.#versions())
    add(extension(10, v16([X25519, 0x0017].flatMap(u16))))
    add(extension(11, v8([0])))
    add(extension(13, v16([0x0403, 0x0804, 0x0203].flatMap(u16))))
    if (isModern) add(this.#keyShare(isShared))
    if (random.below(8) === 0)
      add(
        extension(
          random.pick([0x0a0a, 21, 23, 35, 0xff01, 0x1234]),
          random.below(2) === 0 ? [] : [0],
        ),
      )
    const version = this.#odd(0x0303, VERSIONS, 6)
    const sessionId = this.#odd<Octets>([], [this.#bytes(32), this.#bytes(33), [1]])
    const compressions = this.#odd<Octets>([0], [[], [1, 0], [0, 1], [1]], 20)
    const block = v16(all.flatMap(({ octets }) => octets))
    const extensions = this.#odd(block, [[], [...block, 0], [0, 0]], 24)
    return message(1, [
      ...u16(version),
      ...this.#bytes(32),
      ...v8(sessionId),
      ...v16(CIPHERS.flatMap(u16)),
      ...v8(compressions),
      ...extensions,
    ])
  }

  /** Records of a message, cut and mixed with others now and then. */
  #records(octets: Octets): Octets {
    const { random } = this
    const most = this.#odd(16_384, [1, 2, 3, 4, 5, 64, octets.length - 1], 4)
    const version = this.#odd(0x0301, RECORD_VERSIONS, 4)
    const out: number[] = []
    for (let at = 0; at < octets.length; at += most) {
      if (at > 0 && random.below(60) === 0) out.push(...this.#other())
      out.push(
        22,
        ...u16(at > 0 ? this.#odd(version, RECORD_VERSIONS, 50) : version),
        ...v16(octets.slice(at, at + most)),
      )
    }
    return out
  }

  /** Empty, alerts, change_cipher_spec, and what nobody knows. */
  #other(): Octets {
    const record = (type: number, octets: Octets): Octets => [
      type,
      3,
      this.random.below(4),
      ...v16(octets),
    ]
    return this.random.pick([
      record(22, []),
      record(21, [1, 0]),
      record(21, [1, 90]),
      record(21, [2, 0]),
      record(20, [1]),
      record(23, []),
      record(23, [0]),
      record(24, [1, 0, 0]),
      record(22, [0, 0, 0, 0]),
    ])
  }

  /** As SSL 2.0 begins (RFC 5246 E.2). */
  #sslv2(): Octets {
    const { random } = this
    const ciphers = CIPHERS.flatMap((cipher) => [0, ...u16(cipher)])
    const challenge = this.#bytes(random.pick([16, 32, 32]))
    const version = random.pick([0x0300, 0x0301, 0x0303, 0x0303, 0x0002, 0x0304])
    const body = [
      1,
      ...u16(version),
      ...u16(ciphers.length),
      0,
      0,
      ...u16(challenge.length),
      ...ciphers,
      ...challenge,
    ]
    return [0x80 | (body.length >> 8), body.length & 0xff, ...body]
  }

  octets(): Octets {
    const { random } = this
    if (random.below(40) === 0) return this.#sslv2()
    const before =
      random.below(12) === 0
        ? [...this.#other(), ...(random.below(2) === 0 ? this.#other() : [])]
        : []
    const isRetried = random.below(8) === 0
    const first = this.#records(this.hello(isRetried ? false : undefined))
    const all = [...before, ...first]
    if (isRetried)
      all.push(...(random.below(3) === 0 ? this.#other() : []), ...this.#records(this.hello(true)))
    return random.below(6) === 0 ? this.#damaged(all) : all
  }

  /** A second hello that differs in one thing alone: servers compare what they like. */
  retried(): Octets {
    const { random } = this
    const shared = [
      extension(10, v16([X25519, 0x0017].flatMap(u16))),
      extension(13, v16([0x0403, 0x0804].flatMap(u16))),
    ].flat()
    const id = this.#bytes(32)
    const unique = this.#bytes(32)
    const make = (
      keyed: boolean,
      name: string,
      protocol: string,
      versions: readonly number[],
    ): Octets => {
      const named = name === '' ? [] : extension(0, v16([0, ...v16(text(name))]))
      const asked = protocol === '' ? [] : alpn(protocol)
      const block = v16([
        ...named,
        ...asked,
        ...extension(43, v8(versions.flatMap(u16))),
        ...shared,
        ...this.#keyShare(keyed),
      ])
      return message(1, [...u16(0x0303), ...unique, ...v8(id), ...v16(u16(0x1301)), 1, 0, ...block])
    }
    const names = ['good.example', 'other.example', '']
    const protocols = ['h2', 'evil', '']
    const versions = [[0x0304], [0x0304, 0x0303], [0x0303]]
    const one = (keyed: boolean): Octets =>
      this.#records(
        make(
          keyed,
          this.#odd('good.example', names, 3),
          this.#odd('h2', protocols, 3),
          this.#odd([0x0304], versions, 4),
        ),
      )
    return [...one(false), ...(random.below(2) === 0 ? [20, 3, 3, 0, 1, 1] : []), ...one(true)]
  }

  #damaged(octets: Octets): Octets {
    const { random } = this
    const at = random.below(random.below(3) === 0 ? 12 : octets.length + 1)
    const piece = Array.from({ length: random.below(3) }, () =>
      random.pick([0, 1, 2, 3, 22, 255, random.below(256)]),
    )
    return [...octets.slice(0, at), ...piece, ...octets.slice(at + random.below(3))]
  }
}
