/** Tables for people: columns as wide as their widest cell, two spaces between. */

/** Control characters come from the network and from files; a terminal must not obey them. */
function printable(cell: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return cell.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

export function formatTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [heads, ...rows.map((row) => row.map(printable))]
  const widths = heads.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  )
  return lines.map((line) => `${formatLine(line, widths)}\n`).join('')
}

function formatLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd()
}

/** `name: value` pairs, values aligned. */
export function formatPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 1
  return pairs.map(([name, value]) => `${`${name}:`.padEnd(width)} ${printable(value)}\n`).join('')
}
