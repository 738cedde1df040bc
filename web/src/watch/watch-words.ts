// What the player page says, and what it reads from its own address. Pure.
import type { PlayerStats } from '../player/player-state.ts'

export interface WatchAddress {
  readonly streamId: string
  readonly playlistUrl: string
  readonly watchUrl: string
  /** Inside a frame of another page: nothing to share, nothing around the picture. */
  readonly isEmbedded: boolean
}

/** `https://host[/prefix]/watch/<id>[?embed=1]`; null when there is no id. */
export function readAddress(href: string): WatchAddress | null {
  const url = new URL(href)
  const match = /^(.*)\/watch\/([A-Za-z0-9-]{1,64})\/?$/.exec(url.pathname)
  if (match === null) return null
  const base = `${url.origin}${match[1] ?? ''}`
  const streamId = match[2] ?? ''
  return {
    streamId,
    playlistUrl: `${base}/stream/${streamId}/playlist.m3u8`,
    watchUrl: `${base}/watch/${streamId}`,
    isEmbedded: url.searchParams.get('embed') === '1',
  }
}

export interface Standby {
  readonly title: string
  readonly text: string
  readonly isBusy: boolean
}

/** What stands in for the picture, or null while there is one. */
export function standbyFor(stats: PlayerStats, streamId: string): Standby | null {
  switch (stats.state) {
    case 'playing':
    case 'paused':
    case 'stalled':
      return null
    case 'loading':
      return { title: 'Loading', text: '', isBusy: true }
    case 'waiting':
      return {
        title: stats.message ?? 'The stream has not started yet',
        text: 'It plays here by itself as soon as it is live.',
        isBusy: true,
      }
    case 'unknown':
      return {
        title: `There is no stream “${streamId}”`,
        text: 'Check the address with whoever gave it to you.',
        isBusy: false,
      }
    case 'reconnecting':
      return { title: 'The connection was lost', text: `${stats.message ?? ''} Trying again.`.trim(), isBusy: true }
    case 'failed':
      return { title: 'This stream cannot be played here', text: stats.message ?? '', isBusy: false }
    default:
      stats.state satisfies never
      return null
  }
}

/** "0.8 s behind", or nothing while it is unknown or this computer's clock is off. */
export function latencyWords(latencySec: number | null): string {
  if (latencySec === null || latencySec < 0) return ''
  if (latencySec < 60) return `${latencySec.toFixed(latencySec < 10 ? 1 : 0)}\u00a0s behind`
  const minutes = Math.floor(latencySec / 60)
  if (minutes < 60) return `${minutes}\u00a0min ${Math.floor(latencySec % 60)}\u00a0s behind`
  return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min behind`
}

export function embedSnippet(watchUrl: string): string {
  return `<iframe src="${watchUrl}?embed=1" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen style="border:0"></iframe>`
}
