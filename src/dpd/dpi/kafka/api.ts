/** Apis of the protocol guide (Kafka 0.8 to 4.1): name, last version known, first flexible one, and where topics stand. */
import { compile, type Layout } from './layout.js'

export interface Api {
  readonly key: number
  readonly name: string
  readonly lastVersion: number
  /** From here on compact values and tagged fields (KIP-482). */
  readonly flexibleFrom: number
  /** null = names topics in a way that is not read. */
  readonly layout: string | null
}

const NEVER = 99
/** Kept apart from the name that only says what is asked: nothing in it is a topic. */
const NONE = ''
const COMMITTED = '[ topic@0-9 topicId@10+ [ partition i64 i32@6+ i64@1 str ] ]'
const ROWS: readonly [number, string, number, number, string | null][] = [
  [0, 'Produce', 13, 9, 'str@3+ acks i32 [ topic@0-12 topicId@13+ [ partition bytes ] ]'],
  [
    ...([1, 'Fetch', 18, 12] as const),
    `i32@0-14 i32 i32 i32@3+ i8@4+ session@7+
     [ topic@0-12 topicId@13+ [ partition i32@9+ i64 i32@12+ i64@5+ i32 ] ]`,
  ],
  [2, 'ListOffsets', 11, 6, 'i32 i8@2+ [ topic [ partition i32@4+ i64 i32@0 ] ]'],
  [3, 'Metadata', 13, 9, '<@0-9 topic > [@10+ topicId topic ]'],
  [4, 'LeaderAndIsr', 7, 4, null],
  [5, 'StopReplica', 4, 2, null],
  [6, 'UpdateMetadata', 8, 6, null],
  [7, 'ControlledShutdown', 3, 3, NONE],
  [8, 'OffsetCommit', 10, 8, `group i32@1+ str@1+ str@7+ i64@2-4 ${COMMITTED}`],
  [
    ...([9, 'OffsetFetch', 10, 6] as const),
    'group@0-7 [@0-7 topic < i32 > ] [@8+ group str@9+ i32@9+ [ topic@8-9 topicId@10+ < i32 > ] ]',
  ],
  [10, 'FindCoordinator', 6, 3, NONE],
  [11, 'JoinGroup', 9, 6, 'group'],
  [12, 'Heartbeat', 4, 4, 'group'],
  [13, 'LeaveGroup', 5, 4, 'group'],
  [14, 'SyncGroup', 5, 4, 'group'],
  [15, 'DescribeGroups', 6, 5, NONE],
  [16, 'ListGroups', 5, 3, NONE],
  [17, 'SaslHandshake', 1, NEVER, 'str'],
  [18, 'ApiVersions', 4, 3, NONE],
  [19, 'CreateTopics', 7, 5, '[ topic i32 i16 [ i32 < i32 > ] [ str str ] ]'],
  [20, 'DeleteTopics', 6, 4, '<@0-5 topic > [@6+ topic topicId ]'],
  [21, 'DeleteRecords', 2, 2, '[ topic [ partition i64 ] ]'],
  [22, 'InitProducerId', 6, 2, NONE],
  [23, 'OffsetForLeaderEpoch', 4, 4, 'i32@3+ [ topic [ partition i32@2+ i32 ] ]'],
  [
    ...([24, 'AddPartitionsToTxn', 5, 3] as const),
    'str@0-3 i64@0-3 i16@0-3 [@0-3 topic < partition > ] [@4+ str i64 i16 bool [ topic < i32 > ] ]',
  ],
  [25, 'AddOffsetsToTxn', 4, 3, NONE],
  [26, 'EndTxn', 5, 3, NONE],
  [27, 'WriteTxnMarkers', 2, 1, null],
  [
    ...([28, 'TxnOffsetCommit', 5, 3] as const),
    'str group i64 i16 i32@3+ str@3+ str@3+ [ topic [ partition i64 i32@2+ str ] ]',
  ],
  [29, 'DescribeAcls', 3, 2, null],
  [30, 'CreateAcls', 3, 2, null],
  [31, 'DeleteAcls', 3, 2, null],
  [32, 'DescribeConfigs', 4, 4, '[ resource < str > ]'],
  [33, 'AlterConfigs', 2, 2, '[ resource [ str str ] ]'],
  [34, 'AlterReplicaLogDirs', 2, 2, '[ str [ topic < i32 > ] ]'],
  [35, 'DescribeLogDirs', 4, 2, '[ topic < i32 > ]'],
  [36, 'SaslAuthenticate', 2, 2, NONE],
  [37, 'CreatePartitions', 3, 2, '[ topic i32 [ < i32 > ] ]'],
  [38, 'CreateDelegationToken', 3, 2, NONE],
  [39, 'RenewDelegationToken', 2, 2, NONE],
  [40, 'ExpireDelegationToken', 2, 2, NONE],
  [41, 'DescribeDelegationToken', 3, 2, NONE],
  [42, 'DeleteGroups', 2, 2, NONE],
  [43, 'ElectLeaders', 2, 2, 'i8@1+ [ topic < i32 > ]'],
  [44, 'IncrementalAlterConfigs', 1, 1, '[ resource [ str i8 str ] ]'],
  [45, 'AlterPartitionReassignments', 1, 0, 'i32 bool@1+ [ topic [ i32 < i32 > ] ]'],
  [46, 'ListPartitionReassignments', 0, 0, 'i32 [ topic < i32 > ]'],
  [47, 'OffsetDelete', 0, NEVER, 'group [ topic [ i32 ] ]'],
  [48, 'DescribeClientQuotas', 1, 1, NONE],
  [49, 'AlterClientQuotas', 1, 1, NONE],
  [50, 'DescribeUserScramCredentials', 0, 0, NONE],
  [51, 'AlterUserScramCredentials', 0, 0, NONE],
  [55, 'DescribeQuorum', 2, 0, '[ topic [ i32 ] ]'],
  [57, 'UpdateFeatures', 2, 0, NONE],
  [60, 'DescribeCluster', 2, 0, NONE],
  [61, 'DescribeProducers', 0, 0, '[ topic < i32 > ]'],
  [64, 'UnregisterBroker', 0, 0, NONE],
  [65, 'DescribeTransactions', 0, 0, NONE],
  [66, 'ListTransactions', 2, 0, NONE],
  [68, 'ConsumerGroupHeartbeat', 1, 0, 'group str i32 str str i32 < topic > regex@1+'],
  [69, 'ConsumerGroupDescribe', 1, 0, NONE],
  [71, 'GetTelemetrySubscriptions', 0, 0, NONE],
  [72, 'PushTelemetry', 0, 0, NONE],
  [74, 'ListConfigResources', 1, 0, NONE],
  [75, 'DescribeTopicPartitions', 0, 0, '[ topic ]'],
  [76, 'ShareGroupHeartbeat', 1, 0, 'group str i32 str < topic >'],
  [77, 'ShareGroupDescribe', 1, 0, NONE],
  [78, 'ShareFetch', 2, 0, null],
  [79, 'ShareAcknowledge', 2, 0, null],
]

export const PRODUCE = 0
export const FETCH = 1
export const METADATA = 3
export const SASL_HANDSHAKE = 17
export const API_VERSIONS = 18
export const CREATE_TOPICS = 19
export const SASL_AUTHENTICATE = 36

export const apis: ReadonlyMap<number, Api> = new Map(
  ROWS.map(([key, name, lastVersion, flexibleFrom, layout]) => [
    key,
    { key, name, lastVersion, flexibleFrom, layout },
  ]),
)

/** In these an array that is null, and in version 0 one that is empty, means all topics. */
const ALL_IF_NULL: ReadonlySet<number> = new Set([METADATA, 9, 35, 43, 46])
export const meansAll = (api: number, version: number, count: number): boolean =>
  ALL_IF_NULL.has(api) && (count < 0 || (api === METADATA && version === 0 && count === 0))

/** Replies that say which topic an identifier stands for. */
const TOPICS_OF_REPLY: Readonly<Record<number, readonly [from: number, layout: string]>> = {
  [METADATA]: [
    10,
    `i32 [ i32 str i32 str ] str i32
     [ i16 topic topicId bool [ i16 i32 i32 i32 < i32 > < i32 > < i32 > ] i32 ]`,
  ],
  [CREATE_TOPICS]: [7, 'i32 [ topic topicId i16 str i32 i16 [ str str bool i8 bool ] ]'],
}

const layouts = new Map<string, Layout>()

/** Compiled once. */
export function layoutOf(text: string, version: number): Layout {
  const key = `${version} ${text}`
  const known = layouts.get(key)
  if (known !== undefined) return known
  const layout = compile(text, version)
  layouts.set(key, layout)
  return layout
}

/** null = topics are not read in this version. */
export function requestLayout(api: Api, version: number): Layout | null {
  if (api.layout === null || version > api.lastVersion) return null
  return layoutOf(api.layout, version)
}

export function replyLayout(api: Api, version: number): Layout | null {
  const [from, text] = TOPICS_OF_REPLY[api.key] ?? [0, null]
  return text === null || version < from || version > api.lastVersion
    ? null
    : layoutOf(text, version)
}
