// A thin bar over the live window: where the picture is, and a way back a few seconds.
import type { LivePlayer } from '../player/live-player.ts'
import { element } from './elements.ts'

const STEP_MS = 1000

export interface Scrubber {
  readonly node: HTMLElement
  readonly update: () => void
}

export function scrubber(player: LivePlayer): Scrubber {
  const played = element('div', { class: 'played' })
  const knob = element('div', { class: 'knob' })
  const node = element(
    'div',
    { class: 'scrubber', role: 'slider', tabindex: '0', 'aria-label': 'Live window' },
    played,
    knob,
  )

  const seekTo = (clientX: number): void => {
    const { window: live } = player
    if (live === null) return
    const box = node.getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width))
    const atMs = live.startMs + share * (live.endMs - live.startMs)
    // The last stretch of the bar is the live edge: nobody aims for exactly the last part.
    if (share > 0.97) player.goLive()
    else player.seekTo(atMs)
  }
  node.addEventListener('pointerdown', (event) => {
    node.setPointerCapture(event.pointerId)
    seekTo(event.clientX)
  })
  node.addEventListener('pointermove', (event) => {
    if (node.hasPointerCapture(event.pointerId)) seekTo(event.clientX)
  })
  node.addEventListener('keydown', (event) => {
    const { playingAtMs } = player.stats
    if (playingAtMs === null || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
    player.seekTo(playingAtMs + (event.key === 'ArrowLeft' ? -STEP_MS : STEP_MS))
    event.stopPropagation()
  })

  const update = (): void => {
    const { window: live, stats } = player
    node.hidden = live === null || stats.playingAtMs === null
    if (live === null || stats.playingAtMs === null) return
    const lengthMs = Math.max(1, live.endMs - live.startMs)
    const share = Math.min(1, Math.max(0, (stats.playingAtMs - live.startMs) / lengthMs))
    played.style.width = `${share * 100}%`
    knob.style.left = `${share * 100}%`
    node.setAttribute('aria-valuemin', '0')
    node.setAttribute('aria-valuemax', String(Math.round(lengthMs / 1000)))
    node.setAttribute('aria-valuenow', String(Math.round((share * lengthMs) / 1000)))
    node.setAttribute('aria-valuetext', new Date(stats.playingAtMs).toLocaleTimeString())
  }
  return { node, update }
}
