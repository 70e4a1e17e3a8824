/** Tokens of SQL text (one character per octet), by the lexical rules of the server that will read it. */
import { fromLatin1 } from '../../../core/bytes.js'

export interface Dialect {
  readonly server: 'mysql' | 'postgresql'
  /** Of plain strings: sql_mode NO_BACKSLASH_ESCAPES, standard_conforming_strings; unsure = may change before it is read. */
  readonly backslash: 'escapes' | 'plain' | 'unsure'
  /** As in GBK, Big5 and Shift-JIS: an octet of ASCII may be the second one of a character. */
  readonly shifts: boolean
}

export type TokenKind = 'word' | 'quoted' | 'string' | 'mark' | 'end'

const WORD = /[A-Za-z0-9_$\x80-\xff]+/y
/** In PostgreSQL a $ is a part of names alone: after a number it may begin a dollar quote. */
const POSTGRESQL_WORD = /[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*|\$?[0-9][A-Za-z0-9_\x80-\xff]*/y
/** Of words that begin with a digit, and parameters, these alone are one token in every version of every server. */
const NUMBER = /^\$?(?:\d+|\d+e\d+|0x[0-9a-f]+|0b[01]+)$/i
/** NAMEDATALEN of PostgreSQL: the rest of a name is cut off, between characters. */
const NAME_OCTETS = 63
const SPACE = /[ \t\n\r\f\v]+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$/y
/** A version in an executable comment: five digits, or six since MySQL 8.0 and MariaDB 10. */
const COMMENT_VERSION = /!(\d{0,7})/y
/** MariaDB takes 50700 to 99999 for comments, MySQL executes what is not above its own version. */
const EXECUTED_BY_ALL = 50_699
const utf8 = new TextDecoder('utf-8', { fatal: true })

export class Lexer {
  kind: TokenKind = 'end'
  /** Of a word: upper case. Of a quoted name: as written, without quotes. Of a mark: the character. */
  text = ''
  /** Of a word or quoted name, as tables are told: lower case. */
  name = ''
  /** Servers may read some octets in another way. */
  unsure = false
  /** Of a word or quoted name: its octets are of a character set that is not known. */
  strange = false
  /** A quote or comment was not closed. */
  open = false
  #backslash: Dialect['backslash']
  /** The string before has escapes, and PostgreSQL may read a next one as its continuation. */
  #continues = false
  #at = 0
  #executable = 0

  constructor(
    readonly source: string,
    readonly dialect: Dialect,
  ) {
    this.#backslash = dialect.backslash
  }

  /** A statement was read that may change how the later ones are. */
  unsettle(): void {
    if (this.#isMysql) this.#backslash = 'unsure'
  }

  next(): void {
    while (this.#blank()) {}
    const first = this.source[this.#at]
    if (first === undefined) {
      this.#set('end', '', this.#at)
      return
    }
    const isContinued = this.#continues
    this.#continues = false
    if (first === "'") {
      // As E'' goes on; where no line ends between, no server takes it.
      this.#string(isContinued ? 'unsure' : this.#backslash)
      this.#continues = isContinued
      return
    }
    if (first === '"' || (first === '`' && this.#isMysql)) {
      this.#quoted(first)
      return
    }
    if (first === '$' && !this.#isMysql && this.#dollar()) return
    const word = this.#match(this.#isMysql ? WORD : POSTGRESQL_WORD)
    if (word === null) {
      if (first === '\0') this.unsure = true
      this.#set('mark', first, this.#at + 1)
      return
    }
    this.#word(word)
  }

  get #isMysql(): boolean {
    return this.dialect.server === 'mysql'
  }

  #set(kind: TokenKind, text: string, end: number): void {
    this.kind = kind
    this.text = text
    this.#at = end
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    return pattern.exec(this.source)?.[0] ?? null
  }

  #word(word: string): void {
    const end = this.#at + word.length
    const after = this.source[end]
    if (!this.#isMysql && word.length === 1) {
      // E'' has escapes always; what U&"" spells is not read.
      if (after === "'" && /[eE]/.test(word)) {
        this.#at = end
        this.#string('escapes')
        this.#continues = true
        return
      }
      if (after === '&' && /[uU]/.test(word) && /['"]/.test(this.source[end + 1] ?? '')) {
        this.unsure = true
      }
    }
    const isNumber = (this.#isMysql ? /^[0-9]/ : /^\$?[0-9]/).test(word)
    if (isNumber && !NUMBER.test(word)) this.unsure = true
    this.name = this.#nameOf(word)
    this.#set('word', word.toUpperCase(), end)
  }

  /** White space, or a comment. */
  #blank(): boolean {
    const space = this.#match(SPACE)
    if (space !== null) return this.#skipTo(this.#at + space.length)
    const { source } = this
    const at = this.#at
    const first = source[at]
    if (first === '#' && this.#isMysql) return this.#line(at)
    if (first === '-' && source[at + 1] === '-') {
      // MySQL: a comment only where white space or a control character follows.
      const spaced = source.length <= at + 2 || source.charCodeAt(at + 2) <= 0x20
      return !this.#isMysql || spaced ? this.#line(at) : false
    }
    if (first === '/' && source[at + 1] === '*') return this.#comment(at + 2)
    if (first === '*' && source[at + 1] === '/' && this.#executable > 0) {
      this.#executable--
      return this.#skipTo(at + 2)
    }
    return false
  }

  #skipTo(at: number): boolean {
    this.#at = at
    return true
  }

  #line(from: number): boolean {
    const { source } = this
    let at = from
    // PostgreSQL ends it at CR too; MySQL does not.
    while (at < source.length && source[at] !== '\n') {
      if (source[at] === '\r') {
        if (!this.#isMysql) break
        if (source[at + 1] !== '\n') this.unsure = true
      }
      at++
    }
    return this.#skipTo(at)
  }

  #comment(from: number): boolean {
    this.#at = from
    if (this.#isMysql && /^M?!/.test(this.source.slice(from, from + 2))) return this.#codeComment()
    let depth = 1
    const edge = this.#isMysql ? /\*\//g : /\*\/|\/\*/g
    edge.lastIndex = from
    for (let found = edge.exec(this.source); found !== null; found = edge.exec(this.source)) {
      depth += found[0] === '*/' ? -1 : 1
      if (depth === 0) return this.#skipTo(found.index + 2)
    }
    this.open = true
    return this.#skipTo(this.source.length)
  }

  /** Its inside is code; where some servers skip it, nothing in the text is sure. */
  #codeComment(): boolean {
    if (this.source[this.#at] === 'M') {
      this.unsure = true
      this.#at++
    }
    const version = this.#match(COMMENT_VERSION) ?? '!'
    const digits = version.slice(1)
    const known = digits === '' || (digits.length === 5 && Number(digits) <= EXECUTED_BY_ALL)
    if (!known) this.unsure = true
    this.#executable++
    return this.#skipTo(this.#at + version.length)
  }

  #dollar(): boolean {
    const tag = this.#match(DOLLAR_TAG)
    if (tag === null) return false
    const end = this.source.indexOf(tag, this.#at + tag.length)
    if (end < 0) this.open = true
    this.#set('string', '', end < 0 ? this.source.length : end + tag.length)
    return true
  }

  #string(backslash: Dialect['backslash']): void {
    this.#set('string', '', this.#closing("'", backslash))
  }

  #quoted(quote: string): void {
    const from = this.#at + 1
    // A string or, with sql_mode ANSI_QUOTES, a name, in which a backslash means nothing.
    const backslash = quote === '"' && this.#isMysql ? 'unsure' : 'plain'
    const end = this.#closing(quote, backslash)
    const inside = this.source.slice(from, this.open ? end : end - 1)
    this.name = this.#nameOf(inside.replaceAll(quote + quote, quote))
    this.#set('quoted', inside, end)
  }

  #nameOf(text: string): string {
    const name = nameOf(this.#isMysql || text.length <= NAME_OCTETS ? text : clipped(text))
    this.strange = name === null
    return name ?? text
  }

  /** Of an octet with a meaning that is not its own where the one before begins a character. */
  #suspect(before: number): void {
    if (this.dialect.shifts && this.source.charCodeAt(before) >= 0x80) this.unsure = true
  }

  /** One past the closing quote. */
  #closing(quote: string, backslash: Dialect['backslash']): number {
    const { source } = this
    let at = this.#at + 1
    for (; at < source.length; at++) {
      const character = source[at]
      if (character === '\\') {
        if (this.#isMysql || backslash !== 'plain') this.#suspect(at - 1)
        if (backslash === 'plain') continue
        const escaped = source[at + 1]
        if (backslash === 'unsure' && (escaped === quote || escaped === '\\')) this.unsure = true
        at++
      } else if (character === quote) {
        if (quote === '`') this.#suspect(at - 1)
        if (source[at + 1] !== quote) return at + 1
        at++
      }
    }
    this.open = true
    return source.length
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/

function clipped(text: string): string {
  let end = NAME_OCTETS
  while (end > 0 && (text.charCodeAt(end) & 0xc0) === 0x80) end--
  return text.slice(0, end)
}

/** Names are UTF-8 in policy; null = of another character set. */
function nameOf(text: string): string | null {
  if (ASCII.test(text)) return text.toLowerCase()
  try {
    return utf8.decode(fromLatin1(text)).toLowerCase()
  } catch {
    return null
  }
}
