// Keeps secrets out of logs, events and error texts. Names decide, because values cannot be recognised.

const MASK = '***'

const SECRET_NAME =
  /^(?:(?:publish|stream|api|rtmp|private|secret|access)?[_-]?key|(?:\w*[_-])?(?:password|token|secret|passphrase|authorization|cookie)|\w*(?:Password|Token|Secret|Passphrase))$/i

/** `?key=…` in addresses, passwords before an @, the key in an SRT stream id, and what follows "Bearer". */
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/([?&](?:key|password|token|secret|passphrase|authorization)=)[^&\s"'#]*/gi, `$1${MASK}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)[^/\s@]+@/gi, `$1${MASK}@`],
  [/(\bpublish(?::|%3A)[A-Za-z0-9-]+(?::|%3A))[^&,\s"']+/gi, `$1${MASK}`],
  [/(\bbearer\s+)[^\s"',]+/gi, `$1${MASK}`],
]

export function redactText(text: string): string {
  return SECRET_TEXT.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text)
}

/** Deeper structures are cut off: a log line is not a dump, and a cycle must end somewhere. */
const DEPTH_MAX = 6

/** A copy that is safe to write down: plain data, secrets masked, errors spelled out, bytes and big integers as text. */
export function redactFacts(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactRecord(facts, 0)
}

function redactRecord(record: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      SECRET_NAME.test(name) && value !== null && value !== undefined ? MASK : redactValue(value, depth + 1),
    ]),
  )
}

function redactValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value)
    case 'bigint':
      return value.toString()
    case 'function':
    case 'symbol':
      return undefined
    case 'object':
      break
    default:
      return value
  }
  if (value === null) return null
  if (depth > DEPTH_MAX) return '…'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`
  if (value instanceof URL) return redactText(value.href)
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1))
  return redactRecord(value, depth)
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  // Own properties carry the code and details; message, stack and cause are not enumerable.
  return {
    name: error.name,
    message: redactText(error.message),
    ...redactRecord(error, depth),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactValue(error.cause, depth + 1) }),
  }
}
