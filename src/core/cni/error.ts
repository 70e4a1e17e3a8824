/** CNI error codes (CNI SPEC 1.1.0, "Error codes"), the two of libcni's Go library included. */
export const CNI_INCOMPATIBLE_VERSION = 1
export const CNI_UNKNOWN_CONTAINER = 3
export const CNI_INVALID_ENVIRONMENT = 4
export const CNI_DECODING_FAILURE = 6
export const CNI_INVALID_NETWORK_CONFIG = 7
export const CNI_INVALID_NETNS = 8
/** STATUS (CNI SPEC 1.1.0): ADD can't be served. */
export const CNI_NOT_AVAILABLE = 50
/** STATUS: besides that, pods that exist are impaired. */
export const CNI_NOT_AVAILABLE_IMPAIRED = 51
export const CNI_INTERNAL = 999
/** Ours start at 100. */
export const CNI_SWAP_FAILED = 100
export const CNI_CHECK_DIFFERS = 101
export const CNI_NOT_INTERCEPTABLE = 102

/** What a verb refuses with: printed once, on stdout, as the CNI error object. */
export class CniError extends Error {
  override readonly name = 'CniError'
  constructor(
    readonly code: number,
    message: string,
    readonly details = '',
  ) {
    super(message)
  }
}

export function errorObject(error: CniError, cniVersion: string): string {
  const object = { cniVersion, code: error.code, msg: error.message }
  return JSON.stringify(error.details === '' ? object : { ...object, details: error.details })
}
