// How the parts of one stream tell of what happened: the stream's name and the time are added once, here.
import type { EventCode, MirrorEvent } from '../events.ts'

export type StreamEmit = (
  type: MirrorEvent['type'],
  severity: MirrorEvent['severity'],
  code: EventCode | null,
  message: string,
  details: MirrorEvent['details'],
) => void

export function streamEmit(streamId: string, now: () => number, emit: (event: MirrorEvent) => void): StreamEmit {
  return (type, severity, code, message, details) =>
    emit({ type, severity, streamId, atMs: now(), code, message, details })
}
