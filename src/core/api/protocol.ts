/**
 * What all messages on dpd's control socket share: HTTP/1.1 with JSON bodies, `protocol` in each
 * message. dpd serves version N and N-1; there is only the first so far.
 */
import * as z from 'zod'

export const API_PROTOCOL = 1
/** Largest request body that dpd reads; an endpoint record is about 1 KiB. */
export const API_BODY_MAX_OCTETS = 256 * 1024

export const protocolSchema = z.literal(API_PROTOCOL)

export const apiErrorSchema = z.object({
  protocol: protocolSchema,
  error: z.object({ code: z.string(), message: z.string() }),
})
export type ApiError = z.infer<typeof apiErrorSchema>

/** An error that the client caused or must know of; `status` is the HTTP status. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal'
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** `where.is.it: what is wrong`, one per issue. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.length === 0 ? 'body' : issue.path.join('.')}: ${issue.message}`)
    .join('; ')
}
