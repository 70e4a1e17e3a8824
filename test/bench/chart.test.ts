import t from 'tap'
import { chart, panelsOf } from '../../bench/chart.js'
import { sampleResult } from './sample-result.js'

const rectangles = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)".*?fill="([^"]+)"/g)].map(
    ([, x, width, fill]) => ({ x: Number(x), width: Number(width), fill }),
  )

t.test('a panel for each row with a base, a bar for each series but the base', async (t) => {
  t.same(
    panelsOf(sampleResult().rows).map(({ title, bars }) => [
      title,
      ...bars.map((bar) => bar.series),
    ]),
    [
      ['TCP, 1 stream', 'inline', 'inline-content'],
      ['TCP, 4 streams', 'inline'],
      ['packet under rules', '10000'],
    ],
  )
})

t.test('bars are as long as their ratios, and coloured by their goals', async (t) => {
  const [inline, content, missed] = rectangles(chart(sampleResult()))
  if (inline === undefined || content === undefined) throw new Error('no bars')
  t.ok(Math.abs(inline.width / content.width - 0.97 / 0.5) < 0.02)
  t.equal(inline.x, content.x)
  t.not(missed?.fill, inline.fill)
})

t.test('beyond the scale a bar ends at its edge, its figure tells', async (t) => {
  const result = sampleResult()
  const row = result.rows[0]
  if (row === undefined) throw new Error('no row')
  const far = { ...result, rows: [{ ...row, series: { plain: [1], inline: [50] } }] }
  const svg = chart(far)
  t.match(svg, />50\.00</)
  t.ok((rectangles(svg)[0]?.width ?? 1000) < 320)
})

t.test('well-formed: text is escaped, elements are closed', async (t) => {
  const svg = chart(sampleResult())
  t.match(svg, 'A &lt;CPU&gt;')
  const open: string[] = []
  for (const [, slash, name = '', rest = ''] of svg.matchAll(/<(\/?)(\w+)([^>]*)>/g)) {
    if (slash === '/') t.equal(open.pop(), name)
    else if (!rest.endsWith('/')) open.push(name)
  }
  t.same(open, [])
})

t.test('nothing to compare is a chart all the same', async (t) => {
  t.match(chart({ ...sampleResult(), rows: [] }), /^<svg [\s\S]*<\/svg>\n$/)
})
