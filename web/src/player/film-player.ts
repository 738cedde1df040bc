// Plays a playlist that has an end on a <video> with controls of its own. Live streams have live-player.ts.
import type Hls from 'hls.js'
import workerUrl from 'hls.js/dist/hls.worker.js?url'

/** Before anybody has pressed Play the first picture and the length are all that is wanted. */
const BUFFER_UNSEEN_SEC = 8
const BUFFER_SEEN_SEC = 60
const RECOVERIES_MAX = 2

/** `onFailed` is called at most once, when it cannot be played here or not any more. Returns how to end it. */
export function playFilm(video: HTMLVideoElement, url: string, onFailed: () => void): () => void {
  const life = new AbortController()
  let hls: Hls | null = null
  const end = (): void => {
    life.abort()
    hls?.destroy()
    hls = null
  }
  const fail = (): void => {
    if (life.signal.aborted) return
    end()
    onFailed()
  }
  const start = async (): Promise<void> => {
    const { default: Player } = await import('hls.js')
    if (life.signal.aborted) return
    if (!Player.isSupported()) {
      if (video.canPlayType('application/vnd.apple.mpegurl') === '') return fail()
      video.addEventListener('error', fail, { signal: life.signal })
      video.src = url
      return
    }
    const player = new Player({
      // A file of our own instead of a blob: URL, so that worker-src 'self' is enough.
      workerPath: workerUrl,
      capLevelToPlayerSize: true,
      maxBufferLength: BUFFER_UNSEEN_SEC,
    })
    hls = player
    let recoveries = 0
    player.on(Player.Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return
      if (type !== Player.ErrorTypes.MEDIA_ERROR || recoveries >= RECOVERIES_MAX) return fail()
      recoveries += 1
      player.recoverMediaError()
    })
    const seen = (): void => {
      player.config.maxBufferLength = BUFFER_SEEN_SEC
    }
    video.addEventListener('play', seen, { signal: life.signal, once: true })
    player.loadSource(url)
    player.attachMedia(video)
  }
  start().catch(fail)
  return end
}
