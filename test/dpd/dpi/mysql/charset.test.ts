import t from 'tap'
import { maySetCharset, mayShift } from '../../../../src/dpd/dpi/mysql/charset.js'

t.test('collations of a login', async (t) => {
  for (const plain of [8, 33, 45, 63, 224, 255]) t.equal(mayShift(plain), false, `${plain}`)
  for (const shifting of [1, 13, 28, 95, 248, 0]) t.equal(mayShift(shifting), true, `${shifting}`)
})

t.test('statements that may choose one', async (t) => {
  for (const text of [
    'SET NAMES utf8mb4',
    "set names 'utf8' collate 'utf8_general_ci';",
    '/*!40101 SET NAMES utf8 */',
    'SET character_set_client = utf8mb4',
    'set autocommit = 1',
    'update names set x = 1',
  ]) {
    t.equal(maySetCharset(text, true), false, text)
  }
  for (const text of [
    'SET NAMES gbk',
    'set/**/names/**/sjis',
    'SET NAMES utf8, character_set_client = 28',
    'SET @@session.`character_set_client` = @x',
    'select 1; set charset default',
    'SET CHARACTER SET big5',
  ]) {
    t.equal(maySetCharset(text, true), true, text)
  }
  t.equal(maySetCharset("set @x = 'long", false), true, 'what is beyond is not read')
})
