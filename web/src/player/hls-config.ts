// hls.js settings shared by the console and the public player page.
import type { HlsConfig, LoaderConfig } from 'hls.js'
import workerUrl from 'hls.js/dist/hls.worker.js?url'

/** Longest time without a first byte: above the origin's longest hold of a blocking reload (9 s). */
const PLAYLIST_FIRST_BYTE_MS = 12_000

const PLAYLIST_POLICY: LoaderConfig = {
  maxTimeToFirstByteMs: PLAYLIST_FIRST_BYTE_MS,
  maxLoadTimeMs: 20_000,
  timeoutRetry: { maxNumRetry: 20, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: { maxNumRetry: 60, retryDelayMs: 250, maxRetryDelayMs: 4000, backoff: 'exponential' },
}

const MEDIA_POLICY: LoaderConfig = {
  maxTimeToFirstByteMs: 10_000,
  maxLoadTimeMs: 60_000,
  timeoutRetry: { maxNumRetry: 10, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: { maxNumRetry: 30, retryDelayMs: 250, maxRetryDelayMs: 4000, backoff: 'exponential' },
}

export function buildHlsConfig(): Partial<HlsConfig> {
  return {
    lowLatencyMode: true,
    // A file of our own instead of a blob: URL, so that worker-src 'self' is enough.
    workerPath: workerUrl,
    backBufferLength: 60,
    liveDurationInfinity: true,
    capLevelToPlayerSize: true,
    // Each stall widens the distance to the edge a little. The pace is kept by pace.ts, also below the target.
    liveSyncOnStallIncrease: 0.5,
    maxLiveSyncPlaybackRate: 1,
    manifestLoadPolicy: { default: PLAYLIST_POLICY },
    playlistLoadPolicy: { default: PLAYLIST_POLICY },
    fragLoadPolicy: { default: MEDIA_POLICY },
  }
}
