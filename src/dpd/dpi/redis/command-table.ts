/** The commands of Redis 7 and the hash-field commands of 7.4 and 8, by where their keys stand. */
import {
  bySubcommand,
  counted,
  geoRadius,
  type KeyPositions,
  migrate,
  none,
  range,
  script,
  sort,
  streams,
  untold,
} from './key-positions.js'

export interface CommandSpec {
  /** Upper case. */
  readonly name: string
  readonly positions: KeyPositions
  readonly container: boolean
}

const FIRST = range(1, 1)
const SECOND = range(2, 2)

const BY_POSITIONS: readonly (readonly [KeyPositions, string])[] = [
  [
    none,
    `ASKING AUTH BGREWRITEAOF BGSAVE DBSIZE DISCARD ECHO EXEC FAILOVER FLUSHALL FLUSHDB HELLO INFO KEYS LASTSAVE LOLWUT
     MONITOR MULTI PFSELFTEST PING PSUBSCRIBE PSYNC PUBLISH PUNSUBSCRIBE QUIT RANDOMKEY READONLY READWRITE REPLCONF
     REPLICAOF RESET ROLE SAVE SCAN SELECT SHUTDOWN SLAVEOF SPUBLISH SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SWAPDB SYNC TIME
     UNSUBSCRIBE UNWATCH WAIT WAITAOF`,
  ],
  [
    FIRST,
    `APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DUMP EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS
     GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HEXPIRE HEXPIREAT
     HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT
     HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSET HSETEX HSETNX HSTRLEN HTTL HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT
     LLEN LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD PSETEX PTTL
     RESTORE RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET SETBIT SETEX SETNX SETRANGE SISMEMBER SMEMBERS SMISMEMBER
     SPOP SRANDMEMBER SREM SSCAN STRLEN SUBSTR TTL TYPE XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE
     XSETID XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX
     ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE
     ZREVRANK ZSCAN ZSCORE`,
  ],
  [
    range(1, -1),
    `DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE TOUCH UNLINK WATCH`,
  ],
  [range(1, -1, 2), 'MSET MSETNX'],
  [range(1, -2), 'BLPOP BRPOP BZPOPMAX BZPOPMIN'],
  [
    range(1, 2),
    'BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE',
  ],
  [range(2, -1), 'BITOP'],
  [SECOND, 'PFDEBUG'],
  [counted(1), 'LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION'],
  [counted(2), 'BLMPOP BZMPOP EVALSHA EVALSHA_RO FCALL FCALL_RO'],
  [script, 'EVAL EVAL_RO'],
  [counted(2, 1), 'ZDIFFSTORE ZINTERSTORE ZUNIONSTORE'],
  [streams, 'XREAD XREADGROUP'],
  [sort, 'SORT SORT_RO'],
  [geoRadius, 'GEORADIUS GEORADIUSBYMEMBER'],
  [migrate, 'MIGRATE'],
]

const WITHOUT_KEYS =
  'ACL CLIENT CLUSTER COMMAND CONFIG FUNCTION LATENCY MODULE PUBSUB SCRIPT SLOWLOG'
const CONTAINERS: readonly (readonly [KeyPositions, string])[] = [
  [bySubcommand({}), WITHOUT_KEYS],
  [bySubcommand({ USAGE: SECOND }), 'MEMORY'],
  [bySubcommand({ FREQ: SECOND, IDLETIME: SECOND, ENCODING: SECOND, REFCOUNT: SECOND }), 'OBJECT'],
  [bySubcommand({ GROUPS: SECOND, CONSUMERS: SECOND, STREAM: SECOND }), 'XINFO'],
  [
    bySubcommand({
      ...{ CREATE: SECOND, CREATECONSUMER: SECOND },
      ...{ DELCONSUMER: SECOND, DESTROY: SECOND, SETID: SECOND },
    }),
    'XGROUP',
  ],
  // Its subcommands change from one release to the next.
  [{ lastRead: () => 1, keys: () => null }, 'DEBUG'],
]

/** By name in upper and in lower case, as nearly all clients write it. */
const SPECS: ReadonlyMap<string, CommandSpec> = new Map(
  [
    ...BY_POSITIONS.flatMap((entry) => specs(entry, false)),
    ...CONTAINERS.flatMap((entry) => specs(entry, true)),
  ].flatMap((spec) => [
    [spec.name, spec],
    [spec.name.toLowerCase(), spec],
  ]),
)

function specs([positions, names]: readonly [KeyPositions, string], container: boolean) {
  return names.split(/\s+/).map((name): CommandSpec => ({ name, positions, container }))
}

/** A module's commands, and those of later servers, have no entry: their keys are untold. */
export function specOf(text: string): CommandSpec {
  const known = SPECS.get(text) ?? SPECS.get(text.toUpperCase())
  return known ?? { name: text.toUpperCase(), positions: untold, container: false }
}

export const isKnown = (text: string): boolean => SPECS.has(text.toUpperCase())
