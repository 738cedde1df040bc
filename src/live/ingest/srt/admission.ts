import { lookupOf } from '../../../core/secrets.ts'
import type { InputFault } from '../protocol.ts'
import { parseSrtStreamId } from './stream-id.ts'

/** Rejection reasons that the peer sees: predefined server codes of libsrt's access_control.h. */
export const SRT_REJX = {
  BAD_REQUEST: 1400,
  UNAUTHORIZED: 1401,
  OVERLOAD: 1402,
  NOTFOUND: 1404,
  BAD_MODE: 1405,
  CONFLICT: 1409,
  INTERNAL: 1500,
} as const

/** What the listen hook must know of a stream to answer without asking anybody. */
export interface SrtRegistryEntry {
  readonly streamId: string
  /** `lookupOf` of every accepted key. */
  readonly keyLookups: readonly string[]
  /** It refuses a second publisher. */
  readonly isExclusive: boolean
  /** A publisher is live and its stream refuses a second one. False where a takeover is allowed. */
  readonly busy: boolean
}

export interface SrtAdmissionState {
  readonly registry: ReadonlyMap<string, SrtRegistryEntry>
  readonly keySecret: Uint8Array
  readonly connections: number
  readonly maxConnections: number
  /** From the caller's address; 0 for a trusted one. */
  readonly connectionsFromHere: number
  readonly maxConnectionsPerAddress: number
  /** Another caller for this stream is between hook and accept: the registry does not know it yet. */
  readonly isConnecting: (streamId: string) => boolean
  /** A caller for this stream has just connected: the registry may not know it yet. */
  readonly isConnected: (streamId: string) => boolean
}

export type SrtAdmission =
  | { readonly ok: true; readonly streamId: string }
  | {
      readonly ok: false
      readonly rejectReason: number
      /** Null when the stream id could not be read. */
      readonly streamId: string | null
      readonly fault: InputFault
    }

/** Decides on one SRT caller from its stream id. Runs in the listen hook while libsrt's receiver waits: no I/O. */
export function admitSrtCaller(streamIdText: string, state: SrtAdmissionState): SrtAdmission {
  const asked = parseSrtStreamId(streamIdText)
  if (!asked.ok) {
    switch (asked.failure) {
      case 'key_missing':
        return refuse(SRT_REJX.UNAUTHORIZED, asked.streamId, 'publish_key_wrong', asked.message)
      case 'mode_unsupported':
        return refuse(SRT_REJX.BAD_MODE, asked.streamId, 'invalid_request', asked.message)
      case 'missing':
      case 'malformed':
        return refuse(SRT_REJX.BAD_REQUEST, asked.streamId, 'invalid_request', asked.message)
      default:
        asked.failure satisfies never
    }
    return refuse(SRT_REJX.BAD_REQUEST, null, 'invalid_request', 'The SRT stream id cannot be read.')
  }
  const { streamId, key } = asked
  const entry = state.registry.get(streamId)
  if (entry === undefined) {
    return refuse(SRT_REJX.NOTFOUND, streamId, 'stream_not_found', `There is no stream "${streamId}".`)
  }
  // Lookups are HMACs: comparing them in variable time tells nothing about a key.
  if (!entry.keyLookups.includes(lookupOf(key, state.keySecret))) {
    return refuse(SRT_REJX.UNAUTHORIZED, streamId, 'publish_key_wrong', `Wrong publish key for stream "${streamId}".`)
  }
  const isTaken = entry.busy || (entry.isExclusive && state.isConnected(streamId))
  if (isTaken || state.isConnecting(streamId)) {
    return refuse(SRT_REJX.CONFLICT, streamId, 'stream_busy', `Another publisher is live on stream "${streamId}".`)
  }
  if (state.connections >= state.maxConnections) {
    const message = `The limit of ${state.maxConnections} concurrent publishers is reached.`
    return refuse(SRT_REJX.OVERLOAD, streamId, 'publisher_limit', message)
  }
  if (state.connectionsFromHere >= state.maxConnectionsPerAddress) {
    const message = `There are ${state.maxConnectionsPerAddress} SRT publishers from this address already (ingest.maxConnectionsPerAddress).`
    return refuse(SRT_REJX.OVERLOAD, streamId, 'connections_per_address', message)
  }
  return { ok: true, streamId }
}

function refuse(
  rejectReason: number,
  streamId: string | null,
  code: InputFault['code'],
  message: string,
): SrtAdmission {
  return { ok: false, rejectReason, streamId, fault: { code, message } }
}
