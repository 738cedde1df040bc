import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { exposePlayerStats, LivePlayer } from '../../player/live-player.ts'
import type { LiveWindow } from '../../player/live-window.ts'
import type { PlayerStats } from '../../player/player-state.ts'

export interface PlayerHandle {
  /** For the ref of the video element. */
  readonly attach: (video: HTMLVideoElement | null) => void
  readonly video: HTMLVideoElement | null
  readonly player: LivePlayer | null
  readonly stats: PlayerStats | null
  readonly window: LiveWindow | null
}

/** A player for as long as its video element is on the page. `isOnAir` turning true makes it ask at once. */
export function useLivePlayer(url: string, isOnAir: boolean): PlayerHandle {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null)
  const [player, setPlayer] = useState<LivePlayer | null>(null)

  useEffect(() => {
    if (video === null) return
    const created = new LivePlayer(video, url)
    const withdraw = exposePlayerStats(created)
    setPlayer(created)
    return () => {
      withdraw()
      created.close()
      setPlayer(null)
    }
  }, [video, url])

  useEffect(() => {
    if (isOnAir) player?.retryNow()
  }, [isOnAir, player])

  const subscribe = useCallback((listener: () => void) => player?.subscribe(listener) ?? (() => undefined), [player])
  const stats = useSyncExternalStore(subscribe, () => player?.stats ?? null)
  return { attach: setVideo, video, player, stats, window: player?.window ?? null }
}
