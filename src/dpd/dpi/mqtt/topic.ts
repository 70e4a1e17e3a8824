/** Topic names and topic filters (§4.7). */

/** Without wildcards, and not empty: what is published to. */
export const isTopicName = (topic: string): boolean => topic !== '' && !/[+#]/.test(topic)

/** `+` is a whole level, `#` the whole last one (§4.7.1). */
export const isTopicFilter = (filter: string): boolean =>
  filter !== '' && /^(?:[^+#/]*|\+)(?:\/(?:[^+#/]*|\+))*(?:\/#)?$|^#$/.test(filter)

/**
 * What a subscription gets: `$share/NAME/FILTER` (§4.8.2) what FILTER alone does; `$queue/FILTER` so with the brokers that
 * know that older form, with others the topics of that name.
 */
export function subscribed(filter: string): readonly string[] {
  if (!filter.startsWith('$')) return [filter]
  const [, shared] = /^\$share\/[^/]*\/(.+)$/s.exec(filter) ?? []
  if (shared !== undefined) return [shared]
  const [, queued] = /^\$queue\/(.+)$/s.exec(filter) ?? []
  return queued === undefined ? [filter] : [filter, queued]
}
