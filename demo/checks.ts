/** Counted claims, printed as they are made. */
export class Checks {
  passed = 0
  failed = 0

  section(title: string): void {
    console.log(`\n== ${title}`)
  }

  check(claim: string, holds: boolean, seen: string): void {
    if (holds) this.passed++
    else this.failed++
    console.log(`${holds ? '  ok     ' : '  FAILED '}${claim}`)
    const lines = seen
      .trim()
      .split('\n')
      .slice(0, holds ? 3 : 20)
    for (const line of lines) if (line !== '') console.log(`           ${line}`)
  }
}
