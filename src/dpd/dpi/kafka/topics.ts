/** Topics of a connection beyond one request: identifiers with their names, and those of its fetch session. */

/** Of Metadata replies; clients ask for the topics that they use. */
export const TOPIC_IDS = 256
/** An incremental fetch names only what changes (KIP-227); brokers bound sessions by number, not by topics. */
export const SESSION_TOPICS = 256

export class KnownTopics {
  readonly #names = new Map<string, string>()
  /** null = not all are known. */
  #session: Set<string> | null = null
  #sessionId = 0

  learn(id: string, name: string): void {
    if (this.#names.has(id) || this.#names.size < TOPIC_IDS) this.#names.set(id, name)
  }

  nameOf(id: string): string | null {
    return this.#names.get(id) ?? null
  }

  /** All that a fetch asks for; null = topics of its session are not known. */
  fetch(topics: readonly string[], sessionId: number, epoch: number): readonly string[] | null {
    // A full fetch: of a session that begins (0), or of none (-1).
    if (epoch <= 0) {
      this.#session = epoch === 0 && topics.length <= SESSION_TOPICS ? new Set(topics) : null
      this.#sessionId = 0
      return topics
    }
    // The reply to the full fetch has given it its number.
    if (this.#sessionId === 0) this.#sessionId = sessionId
    if (this.#session === null || this.#sessionId !== sessionId) return null
    for (const topic of topics) this.#session.add(topic)
    const all = [...this.#session]
    if (all.length > SESSION_TOPICS) this.#session = null
    return all
  }

  forgetSession(): void {
    this.#session = null
  }
}
