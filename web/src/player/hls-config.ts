// hls.js settings shared by the console and the public player page.
import type { HlsConfig, LoaderConfig, PlaylistLoaderConstructor } from 'hls.js'
import workerUrl from 'hls.js/dist/hls.worker.js?url'
import { repairedBufferController } from './hls-repairs/hls-repairs.ts'
import { repairedStreamController } from './hls-repairs/part-loading.ts'
import { PlaylistHeads } from './playlist-head.ts'

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

/** `defaults`: those of hls.js, which is loaded on demand. */
export function buildHlsConfig(defaults: HlsConfig): Partial<HlsConfig> {
  const { bufferController, audioStreamController } = defaults
  return {
    pLoader: playlistLoader(defaults.loader),
    streamController: repairedStreamController(defaults.streamController),
    ...(audioStreamController && { audioStreamController: repairedStreamController(audioStreamController) }),
    ...(bufferController && { bufferController: repairedBufferController(bufferController) }),
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

/** Loads playlists as hls.js does, and keeps their head from falling. */
function playlistLoader(DefaultLoader: HlsConfig['loader']): PlaylistLoaderConstructor {
  const heads = new PlaylistHeads()
  return class extends DefaultLoader {
    override load(...[context, config, callbacks]: Parameters<InstanceType<typeof DefaultLoader>['load']>): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, ...rest) => {
          const { data } = response
          callbacks.onSuccess(
            typeof data === 'string' ? { ...response, data: heads.keep(context.url, data) } : response,
            ...rest,
          )
        },
      })
    }
  } as PlaylistLoaderConstructor
}
