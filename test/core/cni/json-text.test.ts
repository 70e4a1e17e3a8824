import t from 'tap'
import { memberSpan, withMember } from '../../../src/core/cni/json-text.js'

function memberOf(text: string, name: string): string | null {
  const span = memberSpan(text, name)
  return span === null ? null : text.slice(span.start, span.end)
}

t.test('a member as it was written', async (t) => {
  const cases: readonly { name: string; text: string; want: string | null }[] = [
    { name: 'first', text: '{"a":1,"b":2}', want: '1' },
    { name: 'last', text: '{"b":2,"a":1}', want: '1' },
    {
      name: 'white space around it stays outside',
      text: '{ "a" :\n [ 1 ] , "b":2}',
      want: '[ 1 ]',
    },
    { name: 'one of the same name deeper', text: '{"b":{"a":1},"c":[{"a":2}]}', want: null },
    { name: 'a value of that name', text: '{"b":"a","c":3}', want: null },
    { name: 'braces in strings', text: '{"b":"}\\"{,","a":"x,y:z"}', want: '"x,y:z"' },
    { name: 'an escaped key', text: '{"\\u0061":1}', want: '1' },
    { name: 'the last of two', text: '{"a":1,"a":{"x":[]}}', want: '{"x":[]}' },
    { name: 'null, true, numbers', text: '{"a":-1.50e+3}', want: '-1.50e+3' },
    { name: 'an empty object', text: '{}', want: null },
  ]
  for (const { name, text, want } of cases) {
    t.equal(memberOf(text, 'a'), want, name)
    const known = (JSON.parse(text) as { a?: unknown }).a
    t.same(want === null ? undefined : JSON.parse(want), known, `${name}: as JSON.parse has it`)
    const changed = JSON.parse(withMember(text, 'a', '"new"')) as { a: unknown }
    t.same(
      changed,
      { ...(JSON.parse(text) as object), a: 'new' },
      `${name}: replaced or put in front`,
    )
  }
})
