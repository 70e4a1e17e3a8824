/** Exit codes of dpctl: scripts rely on them. */
export const EXIT_OK = 0
/** Something was found: a fault in a policy, a missing kernel option, a denial asked about. */
export const EXIT_FINDING = 1
export const EXIT_USAGE = 2
/** dpd does not answer. */
export const EXIT_UNREACHABLE = 3

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** dpd answered that it will not: the code says why. */
export class Refused extends Error {
  override readonly name = 'Refused'
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}
