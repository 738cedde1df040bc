import { exposePlayerStats, LivePlayer } from '../player/live-player.ts'
import { distanceWords, isRewindable } from '../player/seek-bar.ts'
import { element, iconButton } from './elements.ts'
import { clockOf, type Scrubber, scrubber } from './scrubber.ts'
import { shareDialog } from './share-dialog.ts'
import { type TracksMenu, tracksMenu } from './tracks-menu.ts'
import { latencyWords, standbyFor, type WatchAddress } from './watch-words.ts'

/** The controls go away when nobody moves, as long as it plays. */
const IDLE_MS = 2800

export function openWatchPage(root: HTMLElement, address: WatchAddress): LivePlayer {
  document.title = `${address.streamId} · live`
  const video = element('video', { playsinline: true, autoplay: true, 'aria-label': `Live stream ${address.streamId}` })
  const player = new LivePlayer(video, address.playlistUrl)
  exposePlayerStats(player)

  const badge = element('span', { class: 'badge' })
  const latency = element('span', { class: 'latency', title: "This computer's clock minus the time of the picture" })
  const standby = element('div', { class: 'standby', 'aria-live': 'polite' })
  const stall = element('div', { class: 'stall', 'aria-hidden': 'true' })
  const unmute = element(
    'button',
    { type: 'button', class: 'unmute', click: () => setMuted(video, false) },
    'Turn sound on',
  )
  const live = element('button', { type: 'button', class: 'go-live', click: () => player.goLive() }, 'Go live')
  const play = iconButton('play', 'Play', () => toggle(player))
  const sound = iconButton('silent', 'Turn sound on', () => setMuted(video, !video.muted))
  const back = iconButton('back', 'Back 30 seconds', () => player.skipBack())
  const clock = element('span', { class: 'clock' })
  const bar = scrubber(player)
  const tracks = tracksMenu(player)
  const share = address.isEmbedded ? null : shareDialog(address)

  const controls = element(
    'div',
    { class: 'controls' },
    bar.node,
    element(
      'div',
      { class: 'row' },
      play.node,
      back.node,
      sound.node,
      clock,
      latency,
      element('span', { class: 'space' }),
      live,
      tracks.node,
      ...(share === null ? [] : [iconButton('share', 'Share', () => share.showModal()).node]),
      ...(document.pictureInPictureEnabled ? [popOutButton(video)] : []),
      iconButton('fullScreen', 'Full screen', () => void toggleFullScreen(root, video)).node,
    ),
  )
  root.append(
    video,
    element('div', { class: 'top' }, badge),
    stall,
    unmute,
    controls,
    standby,
    ...(share === null ? [] : [share]),
  )
  root.classList.toggle('embedded', address.isEmbedded)

  const render = (): void => {
    const { stats } = player
    const words = standbyFor(stats, address.streamId)
    const hasPicture = words === null
    root.dataset['state'] = stats.state
    standby.hidden = hasPicture
    if (words !== null) {
      setText(standby, `${words.isBusy}|${words.title}|${words.text}`, () => [
        ...(words.isBusy ? [element('div', { class: 'spinner', 'aria-hidden': 'true' })] : []),
        element('p', { class: 'title' }, words.title),
        element('p', {}, words.text),
      ])
    }
    controls.hidden = !hasPicture
    badge.hidden = !hasPicture
    badge.classList.toggle('is-live', stats.atLiveEdge)
    setText(badge, stats.atLiveEdge ? 'Live' : 'Behind live')
    setText(latency, latencyWords(stats.latencySec))
    stall.hidden = stats.state !== 'stalled'
    const canRewind = isRewindable(player.window)
    back.node.hidden = !canRewind
    clock.hidden = !canRewind || stats.playingAtMs === null
    if (stats.playingAtMs !== null) setText(clock, clockOf(stats.playingAtMs))
    live.hidden = stats.atLiveEdge && stats.state !== 'paused'
    setText(live, canRewind && stats.latencySec !== null ? `Go live · −${distanceWords(stats.latencySec)}` : 'Go live')
    // The button tells it already.
    latency.hidden = canRewind && !live.hidden
    unmute.hidden = !hasPicture || !stats.muted
    if (stats.state === 'paused') play.show('play', 'Play (space)')
    else play.show('pause', 'Pause (space)')
    if (stats.muted) sound.show('silent', 'Turn sound on (m)')
    else sound.show('sound', 'Turn sound off (m)')
    bar.update()
    tracks.update()
  }
  player.subscribe(render)
  render()
  hideWhenIdle(root)
  listenToKeys(player, video, root, { tracks, bar })
  video.addEventListener('click', () => toggle(player))
  return player
}

function toggle(player: LivePlayer): void {
  if (player.stats.state === 'paused') player.play()
  else if (player.stats.state === 'playing' || player.stats.state === 'stalled') player.pause()
}

function setMuted(video: HTMLVideoElement, isMuted: boolean): void {
  video.muted = isMuted
  if (!isMuted && video.volume === 0) video.volume = 1
}

function popOutButton(video: HTMLVideoElement): HTMLElement {
  const { node } = iconButton('popOut', 'Picture in picture', () => void popOut(video))
  node.classList.add('pop-out')
  return node
}

async function popOut(video: HTMLVideoElement): Promise<void> {
  if (document.pictureInPictureElement === null) await video.requestPictureInPicture().catch(() => undefined)
  else await document.exitPictureInPicture()
}

async function toggleFullScreen(root: HTMLElement, video: HTMLVideoElement): Promise<void> {
  if (document.fullscreenElement !== null) return document.exitFullscreen()
  // iPhones know full screen only for the video element itself.
  const phone = video as { webkitEnterFullscreen?: () => void }
  if ('requestFullscreen' in root) await root.requestFullscreen().catch(() => undefined)
  else phone.webkitEnterFullscreen?.()
}

interface Controls {
  readonly tracks: TracksMenu
  readonly bar: Scrubber
}

function listenToKeys(player: LivePlayer, video: HTMLVideoElement, root: HTMLElement, { tracks, bar }: Controls): void {
  document.addEventListener('keydown', (event) => {
    // A button is pressed by the space bar; a field takes every key.
    const isTaken =
      event.target instanceof HTMLTextAreaElement || (event.target instanceof HTMLButtonElement && event.key === ' ')
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken) return
    if (event.key === ' ' || event.key === 'k') toggle(player)
    else if (event.key === 'm') setMuted(video, !video.muted)
    else if (event.key === 'f') void toggleFullScreen(root, video)
    else if (event.key === 'l') player.goLive()
    else if (event.key === 'c') tracks.toggleText()
    // Arrows choose between radio buttons.
    else if (event.target instanceof HTMLInputElement || !bar.press(event)) return
    event.preventDefault()
  })
}

function hideWhenIdle(root: HTMLElement): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const wake = (): void => {
    root.classList.remove('idle')
    clearTimeout(timer)
    timer = setTimeout(() => root.classList.add('idle'), IDLE_MS)
  }
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) root.addEventListener(type, wake)
  wake()
}

/** Changes the page only when the words change: screen readers would repeat themselves otherwise. */
function setText(node: HTMLElement, text: string, build?: () => readonly Node[]): void {
  if (node.dataset['shown'] === text) return
  node.dataset['shown'] = text
  if (build === undefined) node.textContent = text
  else node.replaceChildren(...build())
}
