/** After SaslHandshake version 0 the mechanism's own tokens come, each with its size and no header (KIP-43). */

/** Tokens of each side; null = a number that the mechanism does not fix. */
const TOKENS: Readonly<Record<string, number>> = {
  PLAIN: 1,
  'SCRAM-SHA-256': 2,
  'SCRAM-SHA-512': 2,
}

export const tokensOf = (mechanism: string): number | null => TOKENS[mechanism] ?? null
