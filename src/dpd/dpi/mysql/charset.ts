/** Character sets of a client: in some an octet of ASCII may be the second one of a character. */

/** Collations of UTF-8, Latin-1, ASCII and binary. What a server does not know it takes for its default. */
const PLAIN = new Set([5, 8, 11, 15, 31, 33, 45, 46, 47, 48, 49, 63, 65, 83, 94, 255])
const isUnicode = (collation: number): boolean =>
  (collation >= 192 && collation <= 215) || (collation >= 224 && collation <= 247)

export const mayShift = (collation: number): boolean =>
  !PLAIN.has(collation) && !isUnicode(collation)

const SETS_ONE = /\bset\b[\s\S]*(?:names|char)/i
const TO_PLAIN =
  /^\s*(?:\/\*!\d*)?\s*set\s+(?:names|charset|character\s+set|character_set_client\s*=)\s*['"]?(?:utf8(?:mb[34])?|latin1|ascii|binary)['"]?(?:\s+collate\s+\w+|\s+collate\s+['"]\w+['"])?\s*(?:\*\/)?\s*;?\s*$/i

/** Whether a text may choose one that shifts, or one that is not in the text. */
export function maySetCharset(text: string, whole: boolean): boolean {
  return whole ? SETS_ONE.test(text) && !TO_PLAIN.test(text) : /\bset\b/i.test(text)
}
