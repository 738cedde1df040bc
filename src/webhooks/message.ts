// What endpoints are told of an event. Pure.
import type { MirrorEvent } from '../live/events.ts'

/** `*` is everything, `asset.*` whatever begins so. */
export function wantsType(types: readonly string[], type: string): boolean {
  return types.some(
    (each) => each === '*' || each === type || (each.endsWith('.*') && type.startsWith(each.slice(0, -1))),
  )
}

/** The body of a message, once for all endpoints and attempts: what is signed is what was written here. */
export function messageBody(
  { type, severity, streamId, atMs, code, message, details }: MirrorEvent,
  id: string,
): string {
  const timestamp = new Date(atMs).toISOString()
  return JSON.stringify({ id, type, timestamp, data: { severity, streamId, code, message, details } })
}

/** What an event is about, by which messages are kept in order; null: nothing that could come after another. */
export function objectOf({
  type,
  streamId,
  details,
}: Pick<MirrorEvent, 'type' | 'streamId' | 'details'>): string | null {
  const [about = ''] = type.split('.')
  const id = streamId ?? details[ID_OF[about] ?? '']
  return id === undefined ? null : `${about}:${id}`
}

const ID_OF: Readonly<Record<string, string>> = {
  ...{ recording: 'recordingId', asset: 'assetId', job: 'jobId', store: 'store', webhook: 'webhookId' },
  policy: 'tenant',
}
