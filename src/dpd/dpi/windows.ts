/** Both directions of a flow. */
import type { At, Dir } from '../../core/inspect/contract.js'
import { type SavedWindow, Window } from './window.js'

export type SavedWindows = readonly [orig: SavedWindow, reply: SavedWindow]

export const otherDir = (dir: Dir): Dir => (dir === 'orig' ? 'reply' : 'orig')

export class Windows {
  constructor(
    readonly orig = new Window(),
    readonly reply = new Window(),
  ) {}

  static restore([orig, reply]: SavedWindows): Windows {
    return new Windows(Window.restore(orig), Window.restore(reply))
  }

  /** null = one of them holds octets. */
  save(): SavedWindows | null {
    const orig = this.orig.save()
    const reply = orig === null ? null : this.reply.save()
    return orig === null || reply === null ? null : [orig, reply]
  }

  /** By its name: V8 looks a property up by two names the long way. */
  of(dir: Dir): Window {
    return dir === 'orig' ? this.orig : this.reply
  }

  get areEmpty(): boolean {
    return this.orig.octets.length + this.reply.octets.length === 0
  }

  get heads(): Readonly<Record<Dir, Uint8Array>> {
    return { orig: this.orig.octets, reply: this.reply.octets }
  }

  /** The caller's octets are valid during its call only. */
  keep(): void {
    this.orig.keep()
    this.reply.keep()
  }

  forget(): void {
    this.orig.restart(this.orig.end)
    this.reply.restart(this.reply.end)
  }

  /** A parser that never saw a direction cannot know how far it is. */
  handOver(from: Readonly<Record<Dir, At>>): void {
    this.orig.handOver(Math.max(from.orig, this.orig.base))
    this.reply.handOver(Math.max(from.reply, this.reply.base))
  }
}
