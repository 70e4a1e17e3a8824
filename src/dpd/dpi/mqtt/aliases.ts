/** Topic aliases of one sender (§3.3.2.3.4): a number that later stands for a topic. */

/** Brokers allow 10 (mosquitto, of a client) to 65 535; clients that use any use few. */
export const ALIASES = 256
/** Of all their topics together. */
export const ALIAS_CHARACTERS = 16_384

export class TopicAliases {
  readonly topics = new Map<number, string>()
  #characters = 0

  /** What does not fit is unknown from then on. */
  set(alias: number, topic: string): void {
    this.forget(alias)
    const fits = this.topics.size < ALIASES && this.#characters + topic.length <= ALIAS_CHARACTERS
    if (!fits) return
    this.topics.set(alias, topic)
    this.#characters += topic.length
  }

  forget(alias: number): void {
    this.#characters -= this.topics.get(alias)?.length ?? 0
    this.topics.delete(alias)
  }

  /** A packet was not read as far as the alias that it may set. */
  forgetAll(): void {
    this.topics.clear()
    this.#characters = 0
  }
}
