/** zod's issues in the words of somebody who edits a file: where, what is wrong, what to do. */
import type * as z from 'zod'

export type Keys = readonly PropertyKey[]

export interface Issue {
  readonly keys: Keys
  readonly message: string
}

/** `value` is what was checked: zod's issue says what was expected, not what was found. */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): readonly Issue[] {
  const keys = issue.path
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        keys: [...keys, key],
        message: 'unknown key: correct its spelling or remove it',
      }))
    case 'invalid_type':
      return [{ keys, message: describeType(issue.expected, kindOf(value, keys)) }]
    case 'invalid_value':
      return [{ keys, message: `use ${issue.values.map(String).join(', ')}` }]
    case 'invalid_union':
      return [describeUnion(issue, value)]
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.slice(0, 1).map(({ message }) => ({ keys, message }))
    default:
      return [{ keys, message: issue.message }]
  }
}

/** spec.ingress[0].from */
export function formatKeys(keys: Keys): string {
  return keys
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      const name = String(key)
      if (!/^[\w-]+$/.test(name)) return `[${JSON.stringify(name)}]`
      return i > 0 ? `.${name}` : name
    })
    .join('')
}

function describeType(expected: string, found: string): string {
  if (found === 'nothing') return `missing: ${nounOf(expected)} is required`
  if (found === 'null' && expected === 'array') return 'empty: write [] for an empty list'
  if (expected === 'string' && found !== 'map' && found !== 'list') {
    return `must be text, found ${found}: put it in quotes`
  }
  return `must be ${nounOf(expected)}, found ${found}`
}

function nounOf(expected: string): string {
  if (expected === 'object' || expected === 'record') return 'a map'
  if (expected === 'array') return 'a list'
  if (expected === 'int') return 'a whole number'
  return `a ${expected}`
}

/** The alternative that got furthest; if none got past its type, all of them. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, value: unknown): Issue {
  const alternatives = issue.errors.flatMap((errors) => errors.slice(0, 1))
  const nearest = alternatives.find((error) => error.code !== 'invalid_type')
  if (nearest !== undefined) {
    return { keys: [...issue.path, ...nearest.path], message: nearest.message }
  }
  const expected = alternatives.flatMap((error) =>
    error.code === 'invalid_type' ? [nounOf(error.expected)] : [],
  )
  return {
    keys: issue.path,
    message: `must be ${expected.join(' or ')}, found ${kindOf(value, issue.path)}`,
  }
}

function kindOf(root: unknown, keys: Keys): string {
  let value = root
  for (const key of keys) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  }
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'list'
  return typeof value === 'object' ? 'map' : typeof value
}
