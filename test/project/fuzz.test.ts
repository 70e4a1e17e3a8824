import t from 'tap'
import { APPS, readSeeds, TARGETS } from '../fuzz/seeds.js'
import { wordsOf } from '../fuzz/words.js'

const seeds = readSeeds()

for (const target of TARGETS) {
  t.test(`${target}: fuzzing starts from traffic that its parser knows`, async (t) => {
    t.ok(seeds.of(target).length > 0)
    if (APPS.has(target)) t.ok(seeds.recognised(target) > 0)
    t.ok(wordsOf(target, seeds.of(target)).length > 10)
  })
}
