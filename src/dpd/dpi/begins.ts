/** First octets, as parsers declare them. */
type FirstOctets = ReadonlySet<number>

/** The opener speaks first: a flow of which the reply alone has come is none of the parser's. */
export const NO_OCTET: FirstOctets = new Set()

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Those of the text. */
export const anyOf = (characters: string): FirstOctets =>
  new Set(Array.from(characters, (character) => character.charCodeAt(0)))
