/** Topic names and topic filters (§4.7). */

/** Without wildcards, and not empty: what is published to. */
export const isTopicName = (topic: string): boolean => topic !== '' && !/[+#]/.test(topic)

/** `+` is a whole level, `#` the whole last one (§4.7.1). */
export const isTopicFilter = (filter: string): boolean =>
  filter !== '' && /^(?:[^+#/]*|\+)(?:\/(?:[^+#/]*|\+))*(?:\/#)?$|^#$/.test(filter)

/** `$share/NAME/FILTER` (§4.8.2), and the older `$queue/FILTER` of brokers, get what FILTER alone does. */
export function sharedFilter(filter: string): string {
  if (!filter.startsWith('$')) return filter
  return /^(?:\$share\/[^/]*|\$queue)\/(.+)$/s.exec(filter)?.[1] ?? filter
}
