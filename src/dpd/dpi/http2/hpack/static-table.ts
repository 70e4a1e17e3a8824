/** RFC 7541 Appendix A: name and value, one entry a line. */
import { type HeaderField, headerField } from './field.js'

const ENTRIES = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

/** Index 1 is the first; at 0 there is none. */
export const STATIC_TABLE: readonly (HeaderField | null)[] = ENTRIES.split('\n').map((line) => {
  if (line === '') return null
  const space = line.indexOf(' ')
  return space < 0
    ? headerField(line, '')
    : headerField(line.slice(0, space), line.slice(space + 1))
})
