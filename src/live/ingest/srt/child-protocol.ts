// What the listener and its child process say to each other: JSON messages over the IPC channel for control, and frames
// over one pipe for everything whose order matters (a connection opens, its bytes, its end).
import type { ErrorCode } from '../../../core/errors.ts'
import type { InputFault } from '../protocol.ts'
import type { SrtRegistryEntry } from './admission.ts'

export interface SrtChildSettings {
  readonly host: string
  readonly port: number
  readonly latencyMs: number
  readonly passphrase: string | null
  /** The secret of `lookupOf`, hex. Sent as a message: a command line is readable by every local user. */
  readonly keySecretHex: string
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** As `parseAddressSet` reads it. */
  readonly trustedAddresses: string
}

export type ToSrtChild =
  | { readonly kind: 'start'; readonly settings: SrtChildSettings }
  /** `otherPublishers`: connected by other protocols; the limit is for all together. */
  | { readonly kind: 'registry'; readonly streams: readonly SrtRegistryEntry[]; readonly otherPublishers: number }
  /** Answered with `synced` once all that was sent before is known. */
  | { readonly kind: 'sync'; readonly requestId: number }
  /** A connection is not read before the first `read`, and not between `pause` and `read`. */
  | { readonly kind: 'read'; readonly connectionId: number }
  | { readonly kind: 'pause'; readonly connectionId: number }
  | { readonly kind: 'close'; readonly connectionId: number }
  /** Close all connections, so that encoders notice at once, and exit. */
  | { readonly kind: 'stop' }

export type FromSrtChild =
  | { readonly kind: 'listening'; readonly port: number; readonly library: string }
  | { readonly kind: 'synced'; readonly requestId: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | ({ readonly kind: 'refused' } & SrtRefusal)
  /** Refusals beyond the report limit, since the last such message. */
  | { readonly kind: 'refused_unreported'; readonly count: number }
  | {
      readonly kind: 'network'
      readonly connectionId: number
      readonly rttMs: number
      readonly packetsLost: number
      readonly packetsRetransmitted: number
      readonly packetsDropped: number
    }

export interface SrtRefusal {
  /** `address:port` of the caller. */
  readonly remoteAddress: string
  readonly streamId: string | null
  readonly fault: InputFault
}

export interface SrtConnectionOpened {
  readonly streamId: string
  readonly remoteAddress: string
}

export interface SrtConnectionEnded {
  readonly fault: InputFault | null
}
