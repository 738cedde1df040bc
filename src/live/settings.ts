/** What a stream may be told; the catalog stores it, the owner obeys it. */
export interface StreamSettings {
  /** Aimed-at segment length; a cell is this rounded to whole frames (design: cells). 300 ms – 10 s. */
  readonly segmentMs: number
  /** Aimed-at part length, 80 ms – 1 s. */
  readonly partMs: number
  /** How much of the newest media the live playlist lists from memory. */
  readonly windowMs: number
  /** How long a silent stream is kept alive with GAP segments before it ends. */
  readonly graceMs: number
  /** `fixed`: keyframes divide the cell, so TARGETDURATION is halved and INDEPENDENT-SEGMENTS advertised. */
  readonly gop: 'auto' | 'fixed'
  /** What happens to a second publisher. */
  readonly onBusy: 'refuse' | 'takeover'
}

export const DEFAULT_STREAM_SETTINGS: StreamSettings = {
  segmentMs: 2000,
  partMs: 200,
  windowMs: 30_000,
  graceMs: 300_000,
  gop: 'auto',
  onBusy: 'refuse',
}
