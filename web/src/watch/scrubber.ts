// A thin bar over what can be reached, its right end the live edge: where the picture is, and the way back.
import type { LivePlayer } from '../player/live-player.ts'
import type { LiveWindow } from '../player/live-window.ts'
import { destinationAt, isRewindable, keyDestination, playheadWords } from '../player/seek-bar.ts'
import { element } from './elements.ts'

export interface Scrubber {
  readonly node: HTMLElement
  readonly update: () => void
  /** Handles a key that moves the playhead; false: it is another one. */
  readonly press: (event: KeyboardEvent) => boolean
}

export function scrubber(player: LivePlayer): Scrubber {
  const played = element('div', { class: 'played' })
  const gaps = element('div', { class: 'gaps' })
  const knob = element('div', { class: 'knob' })
  const hint = element('output', { class: 'hint', 'aria-hidden': 'true', hidden: true })
  const node = element('div', { class: 'scrubber', role: 'slider', tabindex: '0' }, played, gaps, knob, hint)
  let draggedMs: number | null = null

  const timeAt = ({ startMs, endMs }: LiveWindow, clientX: number): number => {
    const box = node.getBoundingClientRect()
    return startMs + Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * (endMs - startMs)
  }
  const show = (live: LiveWindow, atMs: number | null): void => {
    hint.hidden = atMs === null
    if (atMs === null) return
    hint.textContent = clockOf(atMs)
    // Kept on the page at both ends.
    hint.style.left = `clamp(32px, ${shareOf(live, atMs) * 100}%, calc(100% - 32px))`
  }
  const move = ({ clientX, pointerId }: PointerEvent): void => {
    const { window: live } = player
    if (live === null) return
    const atMs = timeAt(live, clientX)
    show(live, atMs)
    if (!node.hasPointerCapture(pointerId)) return
    draggedMs = atMs
    update()
  }
  node.addEventListener('pointerdown', (event) => {
    node.setPointerCapture(event.pointerId)
    move(event)
  })
  node.addEventListener('pointermove', move)
  node.addEventListener('pointerup', () => {
    const { window: live } = player
    // Only here: each place on the way would be loaded, and thrown away.
    if (live !== null && draggedMs !== null) player.goTo(destinationAt(live, draggedMs))
    draggedMs = null
    hint.hidden = true
  })
  for (const type of ['pointercancel', 'pointerleave'] as const) {
    node.addEventListener(type, ({ pointerId }) => {
      if (type === 'pointerleave' && node.hasPointerCapture(pointerId)) return
      draggedMs = null
      hint.hidden = true
    })
  }

  const press = (event: KeyboardEvent): boolean => {
    const { window: live, stats } = player
    const { playingAtMs } = stats
    const destination = live === null || playingAtMs === null ? null : keyDestination(event, playingAtMs, live)
    if (destination !== null) player.goTo(destination)
    return destination !== null
  }

  let shownGaps = ''
  const update = (): void => {
    const { window: live, stats } = player
    const { playingAtMs, atLiveEdge } = stats
    node.hidden = live === null || playingAtMs === null
    if (live === null || playingAtMs === null) return
    const canRewind = isRewindable(live)
    // A long bar at its end says live; in a short one the latency is to be seen.
    const headMs = draggedMs ?? (canRewind && atLiveEdge ? live.endMs : playingAtMs)
    const share = shareOf(live, headMs)
    played.style.width = `${share * 100}%`
    knob.style.left = `${share * 100}%`
    const marks = live.spans.filter(({ isGap }) => isGap)
    // Elements are made anew only when there are others, not with each move of the window.
    const key = marks.map(({ startMs }) => startMs).join()
    if (key !== shownGaps) gaps.replaceChildren(...marks.map(() => element('div')))
    shownGaps = key
    marks.forEach(({ startMs, endMs }, index) => {
      const mark = gaps.children[index] as HTMLElement
      mark.style.left = `${shareOf(live, startMs) * 100}%`
      mark.style.width = `${(shareOf(live, endMs) - shareOf(live, startMs)) * 100}%`
    })
    node.setAttribute('aria-label', canRewind ? 'Recorded and live' : 'Live window')
    node.setAttribute('aria-valuemin', String(Math.round(live.startMs / 1000)))
    node.setAttribute('aria-valuemax', String(Math.round(live.endMs / 1000)))
    node.setAttribute('aria-valuenow', String(Math.round(headMs / 1000)))
    node.setAttribute('aria-valuetext', playheadWords(clockOf(playingAtMs), stats.latencySec, atLiveEdge))
  }
  return { node, update, press }
}

export function clockOf(atMs: number): string {
  return new Date(atMs).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  })
}

function shareOf({ startMs, endMs }: LiveWindow, atMs: number): number {
  return Math.min(1, Math.max(0, (atMs - startMs) / Math.max(1, endMs - startMs)))
}
