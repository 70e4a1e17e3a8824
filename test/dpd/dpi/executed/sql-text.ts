/** Statements of SQL from a seed: the forms that a server takes, in spellings that a reader may take for something else. */
import type { Random } from '../../../fuzz/random.js'

export type Server = 'postgresql' | 'mysql'

/** Each has columns x and y; `s` is a schema, or a database, with an `a` of its own. */
export const TABLES = ['a', 'b', 'c', 'd']

/** What a reader would take for code, or for the end of what it is in. */
const TRAPS = [
  ...['', 'x', "''", '"', '`', '--', '-- ', '/*', '*/', ';', ' from b ', '$$', '$t$', '#', '\n'],
  ...[
    '; delete from b; ',
    'select',
    ')',
    '(',
    '\\\\',
    'E',
    'U&',
    '\xc3\xa4',
    '\u00a0',
    ',',
    "''''",
  ],
]

export class SqlText {
  constructor(
    readonly random: Random,
    readonly server: Server,
  ) {}

  get #isMysql(): boolean {
    return this.server === 'mysql'
  }

  one(...choices: readonly (() => string)[]): string {
    return this.random.pick(choices)()
  }

  maybe(text: () => string, in100 = 50): string {
    return this.random.below(100) < in100 ? text() : ''
  }

  many(most: number, text: () => string, between: () => string): string {
    const parts = Array.from({ length: 1 + this.random.below(most) }, text)
    return parts.reduce((all, part) => all + between() + part)
  }

  /** A template, its words apart by whatever the server takes for white space. */
  words(template: string): string {
    return template.replaceAll(' ', () => this.space())
  }

  space(): string {
    const { random } = this
    if (random.below(100) < 70) return ' '
    const trap = random.pick(TRAPS).replaceAll('\n', '')
    const inComment = trap.replaceAll('*/', '').replaceAll('/*', '')
    const both = ['\n', '\t', '\r\n', ' \f', '/**/', `/*${inComment}*/`, `-- ${trap}\n`, '--\n']
    const own = this.#isMysql
      ? [`#${trap}\n`, '\v', '/*!*/', `/*! /*${inComment}*/ */`, '/*!50001 */', `-- ${trap}\r\n`]
      : [`/* /*${inComment}*/ */`, `--${trap}\r`, '\r', '/*/**/*/', `/*'*/`, '/*$$*/']
    return random.pick([...both, ...own])
  }

  trap(): string {
    return this.many(
      2,
      () => this.random.pick(TRAPS),
      () => '',
    )
  }

  /** A value in one of the server's notations. */
  literal(): string {
    const trap = this.trap()
    const doubled = trap.replaceAll("''", "'").replaceAll("'", "''")
    const plain = doubled.replaceAll('\\', this.#isMysql ? '\\\\' : '\\')
    const escaped = doubled.replaceAll('\\', '\\\\').replaceAll("''", "\\'")
    const both = [() => '1', () => `'${plain}'`, () => '.5', () => '1.', () => '1e1', () => 'null']
    const own = this.#isMysql
      ? [
          () => `'${escaped}'`,
          () => `N'${plain}'`,
          () => `_utf8'${plain}'`,
          () => `_latin1 '${escaped}'`,
          () => `x'4a'`,
          () => '0x4a',
          () => `b'01'`,
          () => `"${trap.replaceAll('"', '""').replaceAll('\\', '\\\\')}"`,
          () => `'a'${this.space()}'${plain}'`,
          () => `1--1`,
          () => '@v',
          () => '@@version',
          () => "@'v'",
          () => '@`v`',
        ]
      : [
          () => `E'${escaped}'`,
          () => `e'${plain.replaceAll('\\', '\\\\')}'`,
          () =>
            `'a'${this.random.pick(['\n', ' \n', '\r', '-- b\n', '\n-- b\n', ' --\n\n '])}'${plain}'`,
          () => `E'a'${this.random.pick(['\n', ' \n', '\r', '-- b\n', '\n-- b\n'])}'${escaped}'`,
          () => `E'\\\\'${this.random.pick(['\n', '\n\n'])}'\\'${this.random.pick(TRAPS)}'`,
          () => `$$${trap.replaceAll('$', '')}$$`,
          () => `$t$${trap.replaceAll('$t$', '')}$t$`,
          () => `$ä$${trap}$ä$`,
          () => `U&'${plain.replaceAll('\\', '\\\\')}'`,
          () => `N'${plain}'`,
          () => `B'01'`,
          () => `X'1F'`,
          () => `'1'::int`,
          () => `text '${plain}'`,
          () => `interval '1' day`,
        ]
    return this.random.pick([...both, ...own])()
  }

  table(): string {
    const name = this.random.pick(TABLES)
    const quote = this.#isMysql ? '`' : '"'
    const spelled = (text: string): string =>
      this.one(
        () => text,
        () => text,
        () => `${quote}${text}${quote}`,
        () => (this.#isMysql ? text : text.toUpperCase()),
      )
    const dot = (): string =>
      `${this.maybe(() => this.space(), 15)}.${this.maybe(() => this.space(), 15)}`
    const home = this.#isMysql ? 'shop' : 'public'
    return this.one(
      () => spelled(name),
      () => spelled(name),
      () => spelled(name),
      () => spelled(home) + dot() + spelled(name),
      () => spelled('s') + dot() + spelled('a'),
      () => (this.#isMysql ? `.${spelled(name)}` : `U&"${name.replace(/./, '\\0061')}"`),
      () => (this.#isMysql ? spelled(name) : spelled('n'.repeat(63) + this.maybe(() => 'xyz'))),
    )
  }

  alias(): string {
    const names = this.#isMysql
      ? ['t1', 't2', 'x', '`from`', '`,`', '`a``b`', 'offset', 'value', '"q"', "'q'"]
      : ['t1', 't2', 'x', '"from"', '","', '"a""b"', 'set', 'update', 'delete', 'values', 'U&"q"']
    return this.one(
      () => '',
      () => ` ${this.random.pick(names)}`,
      () => this.words(` as ${this.random.pick(names)}`),
    )
  }

  expression(depth: number): string {
    const sub = () => this.query(depth - 1)
    const deep =
      depth <= 0
        ? []
        : [
            () => this.words(`(select x from ${this.table()} limit 1)`),
            () => this.words(`exists (${sub()})`),
            () => this.words(`case when 1 in (select x from ${this.table()}) then 1 end`),
            () => this.words(`1 = any (select x from ${this.table()})`),
            ...(this.#isMysql ? [] : [() => this.words(`array(select x from ${this.table()})`)]),
          ]
    const own = this.#isMysql
      ? [() => 'interval(1,2)', () => `if(1,2,3)`, () => `group_concat(x separator 'from')`]
      : [
          () => this.words('1 is distinct from 2'),
          () => this.words(`overlay('a' placing 'b' from 1)`),
          () => `(array[1,2])[1]`,
        ]
    return this.one(
      () => this.literal(),
      () => this.literal(),
      () => this.words('extract(year from now())'),
      () => this.words(`trim(both 'x' from 'y')`),
      () => this.words(`substring('abc' from 1 for 2)`),
      () => 'count(*)',
      ...own,
      ...deep,
    )
  }

  source(depth: number): string {
    const on = this.words(' on (1=1) ')
    const deep =
      depth <= 0
        ? []
        : [
            () => this.words(`(select x from ${this.table()}) ${this.name()}`),
            () => `(${this.query(depth - 1)}) ${this.name()}`,
            () =>
              this.words(
                `(${this.table()}${this.alias()} cross join ${this.table()}${this.alias()})`,
              ),
            () => this.words(`(${this.source(depth - 1)} join ${this.source(depth - 1)}${on})`),
          ]
    const own = this.#isMysql
      ? [
          () => `(${this.table()}, ${this.table()})`,
          () => this.words(`${this.table()} straight_join ${this.table()}`),
          () => this.words(`${this.table()} use index for join ()`),
          () => this.words(`{ oj ${this.table()} left join ${this.table()}${on}}`),
          () => this.words(`(${this.table()})`),
          () => this.words(`json_table('[1]', '$[*]' columns (j int path '$')) ${this.name()}`),
        ]
      : [
          () => this.words(`only ${this.table()}`),
          () => this.words(`only (${this.table()})`),
          () => `${this.table()}*`,
          () => this.words(`generate_series(1, 2)${this.alias()}`),
          () => this.words(`rows from (generate_series(1, 2)) ${this.name()}`),
          () => this.words(`${this.table()} tablesample system (10)`),
          () => this.words(`lateral (select 1 from ${this.table()}) ${this.name()}`),
          () => this.words(`(table ${this.table()}) ${this.name()}`),
        ]
    return this.one(
      () => this.table() + this.alias(),
      () => this.table() + this.alias(),
      () => this.words(`${this.table()}${this.alias()} cross join ${this.table()}${this.alias()}`),
      () =>
        this.words(`${this.table()}${this.alias()} left join ${this.table()}${this.alias()}${on}`),
      ...own,
      ...deep,
    )
  }

  #names = 0
  name(): string {
    return `q${this.#names++}`
  }

  select(depth: number): string {
    const list = this.many(
      3,
      () => this.expression(depth) + this.maybe(() => this.words(' as z'), 20),
      () => `,${this.maybe(() => this.space(), 30)}`,
    )
    const sources = (): string =>
      this.many(
        2,
        () => this.source(depth),
        () => `${this.maybe(() => this.space(), 20)},`,
      )
    const from = this.maybe(() => this.words(' from ') + sources(), 80)
    const where =
      from === ''
        ? ''
        : this.maybe(() => `${this.words(' where ')}${this.expression(depth)} is null`, 30)
    const tail = this.maybe(
      () =>
        this.words(
          this.random.pick([
            ' limit 1',
            ' order by 1',
            ' limit 1 offset 0',
            ' for update',
            ' group by 1',
          ]),
        ),
      20,
    )
    return this.words('select ') + list + from + where + tail
  }

  query(depth: number): string {
    const column = () => this.words(`select x from ${this.table()}`)
    return this.one(
      () => this.select(depth),
      () => this.select(depth),
      () => this.words(`${column()} union ${column()}`),
      () => this.words(`(${column()}) union all (${column()})`),
      () => this.words(`${column()} ${this.random.pick(['except', 'intersect'])} ${column()}`),
      () => this.words(`with w as (${column()}) select x from w, ${this.table()} t9`),
      () => this.words(`with a as (${column()}), w (z) as (select x from a) select z from w`),
      () =>
        this.words(
          `with recursive w (z) as (select 1 union select z + 1 from w where z < 3) select z from w, ${this.table()} t9`,
        ),
      () =>
        this.#isMysql
          ? this.words(`values (1), ((select x from ${this.table()} limit 1))`)
          : this.words(`values (1, ${this.literal()})`),
      () => (this.#isMysql ? column() : this.words(`table ${this.table()}`)),
    )
  }
}
