// JSON that tells whether a byte of it was changed: an index with a wrong number in it would lead to wrong media. Pure.
import { createHash } from 'node:crypto'

const TAIL = /,"check":"([0-9a-f]{64})"\}\n$/

/** `object`: the text of a JSON object that has at least one member and ends with `}\n`. */
export function withCheck(object: string): string {
  const body = object.slice(0, -2)
  return `${body},"check":"${hashOf(body)}"}\n`
}

/** Whether `check`, the last member, fits everything before it. */
export function isChecked(text: string): boolean {
  const tail = TAIL.exec(text)
  return tail !== null && hashOf(text.slice(0, tail.index)) === tail[1]
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
