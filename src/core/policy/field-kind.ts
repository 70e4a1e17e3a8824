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
import { canonicalPath, parsePathGlob, pathPatternFault } from './http-path.js'

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
  spell: canonicalPath,
  matches: matchGlob,
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
