import { type RefObject, useEffect, useRef, useState } from 'react'

export interface Sound {
  readonly ref: RefObject<HTMLAudioElement | null>
  readonly isPlaying: boolean
  readonly positionSec: number
  /** Of the element; null until it knows. */
  readonly durationSec: number | null
  /** It cannot be played here, in a sentence. */
  readonly trouble: string | null
  toggle(): void
  seek(sec: number): void
  setRate(rate: number): void
}

/** An audio element and what it does; the position is followed frame by frame while it plays. */
export function useSound(): Sound {
  const ref = useRef<HTMLAudioElement>(null)
  const [isPlaying, setPlaying] = useState(false)
  const [positionSec, setPosition] = useState(0)
  const [durationSec, setDuration] = useState<number | null>(null)
  const [trouble, setTrouble] = useState<string | null>(null)

  useEffect(() => {
    const audio = ref.current
    if (audio === null) return
    const stop = new AbortController()
    const on = (name: string, listener: () => void): void =>
      audio.addEventListener(name, listener, { signal: stop.signal })
    const follow = (): void => setPosition(audio.currentTime)
    on('play', () => setPlaying(true))
    on('pause', () => setPlaying(false))
    on('ended', () => setPlaying(false))
    for (const name of ['timeupdate', 'seeking', 'seeked']) on(name, follow)
    on('durationchange', () => setDuration(Number.isFinite(audio.duration) ? audio.duration : null))
    on('playing', () => setTrouble(null))
    on('error', () => setTrouble(troubleOf(audio.error)))
    return () => {
      stop.abort()
      audio.pause()
    }
  }, [])

  useEffect(() => {
    if (!isPlaying) return
    let frame = requestAnimationFrame(function next() {
      setPosition(ref.current?.currentTime ?? 0)
      frame = requestAnimationFrame(next)
    })
    return () => cancelAnimationFrame(frame)
  }, [isPlaying])

  return {
    ...{ ref, isPlaying, positionSec, durationSec, trouble },
    toggle() {
      const audio = ref.current
      if (audio === null) return
      if (!audio.paused) return audio.pause()
      // Whoever could not play it tells so by its error event.
      audio.play().catch(() => {})
    },
    seek(sec) {
      if (ref.current !== null) ref.current.currentTime = sec
      setPosition(sec)
    },
    setRate(rate) {
      if (ref.current !== null) ref.current.playbackRate = rate
    },
  }
}

function troubleOf(error: MediaError | null): string {
  if (error?.code === MediaError.MEDIA_ERR_NETWORK) return 'The connection broke off while it was loaded.'
  return 'This browser cannot play it: the bytes cannot be had, or are of a kind that it does not know. Downloading it works if they are there.'
}
