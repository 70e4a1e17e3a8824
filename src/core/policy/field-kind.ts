/**
 * How a field of a block is compared: what its patterns may say, and the one spelling in which
 * patterns and facts meet.
 */
import { type Glob, matchGlob, parseGlob } from './glob.js'
import {
  canonicalHost,
  canonicalHostPattern,
  canonicalName,
  hostPatternFault,
  namePatternFault,
} from './host-name.js'
import { matchPath, parsePathGlob, pathPatternFault, spellPath } from './http-path.js'
import { coversFilter, filterFault, hasWildcard, meetsFilter, spellTopic } from './mqtt-topic.js'

export interface FieldKind {
  /** Why the pattern can match nothing, or null. */
  fault(pattern: string): string | null
  /** Of a pattern without a fault. */
  compile(pattern: string): Glob
  /** Null where two receivers could read the fact in two ways. */
  spell(fact: string): string | null
  matches(pattern: Glob, spelled: string, deny: boolean): boolean
}

const same = (text: string): string => text
const upper = (text: string): string => text.toUpperCase()
const lower = (text: string): string => text.toLowerCase()

/** Of the letters, digits and signs of `allowed`. */
function words(allowed: RegExp, advice: string, spell: (text: string) => string): FieldKind {
  return {
    fault: (pattern) => (allowed.test(pattern) ? null : advice),
    compile: (pattern) => parseGlob(spell(pattern)),
    spell,
    matches: matchGlob,
  }
}

/**
 * RFC 9110 §9.1: methods are case-sensitive, so `get` is not what GET allows; but some servers take
 * it for GET, so a rule that denies GET denies it.
 */
export const method: FieldKind = {
  ...words(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a method is a token, as GET, or * for any', upper),
  spell: same,
  matches: (pattern, spelled, deny) => matchGlob(pattern, deny ? upper(spelled) : spelled),
}

export const host: FieldKind = {
  fault: hostPatternFault,
  compile: (pattern) => parseGlob(canonicalHostPattern(pattern)),
  spell: canonicalHost,
  matches: matchGlob,
}

export const path: FieldKind = {
  fault: pathPatternFault,
  compile: parsePathGlob,
  spell: spellPath,
  matches: matchPath,
}

export const dnsName: FieldKind = {
  fault: namePatternFault,
  compile: (pattern) => parseGlob(canonicalName(pattern)),
  spell: canonicalName,
  matches: matchGlob,
}

export const dnsType: FieldKind = words(
  /^[A-Za-z0-9*-]+$/,
  'a DNS type is A, AAAA, TYPE65 or *',
  upper,
)

/** Compared as it is. */
export function exact(what: string): FieldKind {
  return words(/^[^\p{Cc}]+$/u, `empty or with control characters: write ${what}, or *`, same)
}

/** Also the empty name, which AMQP gives a meaning. */
export const amqpName: FieldKind = words(
  /^[^\p{Cc}]*$/u,
  'holds control characters: write a name, or *',
  same,
)

/** Without regard to case. */
export function caseless(what: string): FieldKind {
  return words(/^[\x20-\x7e]+$/, `empty or not ASCII: write ${what}, or *`, upper)
}

/** The lowest that is taken. */
export const tlsVersion: FieldKind = {
  fault: (pattern) => (/^1\.[23]$/.test(pattern) ? null : 'use "1.2" or "1.3", in quotes'),
  compile: parseGlob,
  spell: spellTlsVersion,
  matches: ({ parts }, spelled) => spelled >= (parts[0] ?? ''),
}

/** SSL 3.0 is below TLS 1.0. */
function spellTlsVersion(fact: string): string | null {
  const text = fact.replace(/^TLS /, '')
  if (/^1\.\d$/.test(text)) return text
  return /^(SSL )?[23]\.0$/.test(text) ? '0' : null
}

/** Without a space: the command, whatever its subcommand. */
export const redisCommand: FieldKind = {
  ...words(
    /^[A-Za-z0-9._|*-]+( [A-Za-z0-9._|*-]+)?$/,
    'a command is one or two words, as GET or "CONFIG GET", or *',
    upper,
  ),
  matches: (pattern, spelled) => {
    const isWhole = pattern.parts.some((part) => part.includes(' '))
    return matchGlob(pattern, isWhole ? spelled : (spelled.split(' ', 1)[0] ?? ''))
  },
}

export const hexadecimal: FieldKind = words(
  /^[0-9A-Fa-f*]+$/,
  'write hexadecimal digits, or * for any run of them',
  lower,
)

/**
 * Without a dot: the table in any schema. With one: schema and table; a name without schema may be
 * of any, so no rule allows it by its schema and every rule denies it.
 */
export const sqlTable: FieldKind = {
  ...words(
    /^[^.\s\p{Cc}]+(\.[^.\s\p{Cc}]+)?$/u,
    'write a table, schema.table or *, without white space',
    lower,
  ),
  compile: (pattern) => parseGlob(lower(pattern).replace(/^\*\./, '')),
  matches: ({ parts }, spelled, deny) => {
    const [table = '', schema] = parts.join('*').split('.').reverse()
    const names = spelled.split('.')
    const isTable = matchGlob(parseGlob(table), names.at(-1) ?? '')
    if (schema === undefined || !isTable) return isTable
    const own = names.at(-2)
    return own === undefined ? deny : matchGlob(parseGlob(schema), own)
  },
}

export const mqttTopic: FieldKind = {
  fault: filterFault,
  compile: parseGlob,
  spell: spellTopic,
  matches: (pattern, spelled, deny) => {
    const text = pattern.parts.join('*')
    if (!hasWildcard(text) && !hasWildcard(spelled)) return matchGlob(pattern, spelled)
    return deny ? meetsFilter(text, spelled) : coversFilter(text, spelled)
  },
}
