import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal } from '../../../core/inspect/contract.js'

const TEXT = 'Denied by network policy.\n'

/** 403 says that asking again is pointless (RFC 9110 §15.5.4). A reply to HEAD has no content. */
export function forbidden(isHead: boolean): Refusal {
  const head = [
    'HTTP/1.1 403 Forbidden',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${TEXT.length}`,
    'Cache-Control: no-store',
    'Connection: close',
    '\r\n',
  ].join('\r\n')
  return { toOpener: fromLatin1(isHead ? head : head + TEXT), then: 'close' }
}
