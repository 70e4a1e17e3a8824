/** gRPC over HTTP/2: whose procedure a path names (PROTOCOL-HTTP2 of the gRPC project, "Requests"). */

const TYPE = /^application\/grpc(?:$|[+;])/i
/** What every server takes for the same procedure: nothing that one may decode and another not. */
const PATH = /^\/([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+)$/

export const isGrpcType = (value: string): boolean => TYPE.test(value)

/** Writes into `fields`; false where the path names none for certain. */
export function nameProcedure(path: string | undefined, fields: Record<string, unknown>): boolean {
  const [, service, method] = PATH.exec(path ?? '') ?? []
  if (service === undefined || method === undefined) return false
  fields.grpcService = service
  fields.grpcMethod = method
  return true
}
