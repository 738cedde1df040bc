// Messages between whoever receives an encoder's bytes (ingest thread, origin workers for CMAF) and the owner of the stream.
import type { ErrorCode } from '../../core/errors.ts'
import type { InputProtocol } from '../control.ts'

/** Bytes of one container, in order; framing inside a chunk is the demuxer's business unless said otherwise. */
export type Container =
  /** MPEG-TS, any chunking. */
  | 'ts'
  /** FLV tags without the file header: each chunk is one or more whole tags (11-byte header, body, PreviousTagSize). */
  | 'flv'
  /** Fragmented MP4 (CMAF), any chunking. */
  | 'fmp4'
  /** WebVTT text, any chunking: subtitles beside the publisher. */
  | 'vtt'

export interface TextOptions {
  /** What cue time 0 is, in milliseconds since 1970 on the media timeline (PROGRAM-DATE-TIME); null: now. */
  readonly zeroMs: number | null
  /** BCP 47. */
  readonly language: string | null
}

/** Inputs that Mirror runs come back whenever they can. They never take a stream over; that they still wait is no news. */
export function returnsByItself(protocol: InputProtocol): boolean {
  return protocol === 'udp' || protocol === 'rtp' || protocol === 'pull'
}

export interface InputFault {
  readonly code: ErrorCode
  readonly message: string
}

export interface InputOpen {
  readonly kind: 'open'
  /** Unique over the process's life: sender name and a counter. */
  readonly inputId: string
  readonly streamId: string
  readonly protocol: InputProtocol
  readonly container: Container
  /** CMAF interface 1 with one track per URL: the track that this input feeds; null for a muxed input. */
  readonly trackId: string | null
  /** Of `vtt`. */
  readonly text?: TextOptions
  /** The configured input that the media comes from; absent: an encoder that connected by itself. */
  readonly sourceId?: string
  readonly openedAtMs: number
}

export type ToOwner =
  | InputOpen
  | { readonly kind: 'data'; readonly inputId: string; readonly bytes: Uint8Array; readonly arrivedAtMs: number }
  /** `fault` null: the publisher said goodbye; else what ended it. */
  | { readonly kind: 'close'; readonly inputId: string; readonly fault: InputFault | null }
  | ({ readonly kind: 'network'; readonly inputId: string } & NetworkFigures)

export type FromOwner =
  | { readonly kind: 'accepted'; readonly inputId: string }
  /** Before `accepted`: refused. After it: ended (garbage, takeover, restart, delete). */
  | { readonly kind: 'ended'; readonly inputId: string; readonly fault: InputFault }
  /** Answers `close`: all bytes were looked at, and this was wrong with the last of them. */
  | { readonly kind: 'closed'; readonly inputId: string; readonly fault: InputFault | null }
  /** Bytes processed since `open`. */
  | { readonly kind: 'ack'; readonly inputId: string; readonly processedBytes: number }

export interface NetworkFigures {
  readonly rttMs: number
  readonly packetsLost: number
  readonly packetsRetransmitted: number
  /** Lost for good: no retransmission came in time. */
  readonly packetsDropped: number
}

/** A receiver stops reading while more than this is under way to the owner. */
export const MAX_UNACKED_BYTES = 16 * 1024 * 1024

export interface PublishAttempt {
  readonly protocol: InputProtocol
  /** Null when the protocol carries only a key (RTMP with the bare key as stream key). */
  readonly streamId: string | null
  readonly key: string
  readonly remoteAddress: string
}

export type Admission =
  | { readonly ok: true; readonly streamId: string }
  | { readonly ok: false; readonly fault: InputFault }

/**
 * How a receiver (RTMP server, SRT child, CMAF route, test source) hands an encoder to the media plane.
 * Receivers know nothing about owners or threads.
 */
export interface InputGate {
  /**
   * Checks stream, key and (as far as known here) business against the registry snapshot, synchronously: no database,
   * no main thread. A refusal is reported as an event by the gate.
   */
  authorise(attempt: PublishAttempt): Admission
  /** Asks the owner. Rejects with a MirrorError (`stream_busy`, `publisher_limit`, …) when refused; the gate reports the event. */
  open(
    input: {
      readonly streamId: string
      readonly protocol: InputProtocol
      readonly container: Container
      readonly trackId: string | null
      readonly text?: TextOptions
      readonly sourceId?: string
    },
    signal: AbortSignal,
  ): Promise<GateInput>
}

export interface GateInput {
  /** Transfers `bytes` away (their ArrayBuffer is detached unless it is shared or pooled). False: too much is under way; stop reading until `onDrain`. */
  write(bytes: Uint8Array): boolean
  /** Idempotent. */
  close(fault: InputFault | null): void
  /** A close for a publisher that waits for the verdict: resolves to what was wrong with what it sent, or null. */
  finish(): Promise<InputFault | null>
  reportNetwork(figures: NetworkFigures): void
  /** Set by the receiver. */
  onDrain: () => void
  /** The owner ended the input; the receiver closes its connection with the protocol's own status. At most once, never after close(). */
  onEnded: (fault: InputFault) => void
}
