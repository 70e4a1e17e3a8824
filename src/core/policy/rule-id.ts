/**
 * Rule ids as they cross between TypeScript and the engine: an index into the rule table of one
 * policy generation. Ids below FIRST_POLICY_RULE are the verdicts that no document states.
 */
export const RULE_NONE = 0
export const RULE_DEFAULT_DENY = 1
export const RULE_NOT_ISOLATED = 2
export const RULE_NODE = 3
export const RULE_SELF = 4
export const RULE_ESSENTIAL = 5
export const RULE_QUARANTINE = 6
export const RULE_HOLD_LIMIT = 7
/** The endpoint's failure setting decided: full table, parser fault, lost events. */
export const RULE_FAILURE = 8
export const RULE_MALFORMED = 9
/** Midstream TCP whose openers would not both be allowed without L7 facts. */
export const RULE_MIDSTREAM = 10
/** An ethertype or protocol that no rule can name, denied in protect. */
export const RULE_NOT_IP = 11
export const FIRST_POLICY_RULE = 16
