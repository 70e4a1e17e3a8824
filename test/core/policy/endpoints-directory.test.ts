import t from 'tap'
import { loadEndpointsDirectory } from '../../../src/core/policy/endpoints-directory.js'
import { formatDocumentError } from '../../../src/core/yaml-document.js'

function load(...texts: readonly string[]) {
  return loadEndpointsDirectory(texts.map((text, i) => ({ path: `${i}.yaml`, text })))
}
function errorsOf(...texts: readonly string[]): string[] {
  const result = load(...texts)
  return result.ok ? [] : result.errors.map(formatDocumentError)
}

t.test('files add up to one directory', async (t) => {
  const result = load(
    'namespaces: [{name: shop, labels: {team: a}}]',
    'pods: [{namespace: shop, name: web-*, labels: {app: web}, addresses: [10.0.0.1, "fd00::1"]}]',
    '# nothing',
  )
  t.same(result, {
    ok: true,
    directory: {
      namespaces: [{ name: 'shop', labels: { team: 'a' } }],
      pods: [
        {
          namespace: 'shop',
          name: 'web-*',
          labels: { app: 'web' },
          addresses: ['10.0.0.1', 'fd00::1'],
        },
      ],
    },
  })
})

const ERRORS: readonly (readonly [string, string, RegExp])[] = [
  [
    'an unknown key',
    'pods: [{namespace: a, name: b, ip: x}]',
    /^0\.yaml:1:32: pods\[0\]\.ip: unknown key/,
  ],
  [
    'an address with length',
    'pods: [{namespace: a, name: b, addresses: [10.0.0.1/24]}]',
    /^0\.yaml:1:44: pods\[0\]\.addresses\[0\]: write an address without length/,
  ],
  ['no name', 'pods: [{namespace: a}]', /pods\[0\]\.name: missing/],
  [
    'another name than the automatic label',
    'namespaces: [{name: a, labels: {kubernetes.io/metadata.name: b}}]',
    /is always the namespace's own name/,
  ],
  [
    'a namespace twice',
    'namespaces: [{name: a}, {name: a}]',
    /^0\.yaml:1:26: namespaces\[1\]\.name: namespace a is listed twice/,
  ],
  ['a list', '- a', /must be a map, found list/],
]
for (const [name, text, message] of ERRORS) {
  t.test(`refused with place and advice: ${name}`, async (t) => {
    const errors = errorsOf(text)
    t.equal(errors.length, 1, errors.join('\n'))
    t.match(errors[0], message)
  })
}
