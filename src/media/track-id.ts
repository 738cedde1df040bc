/** `v0`…`v15`, `a0`…`a31`: the order of the container, kind first. */
export const TRACK_ID_PATTERN = /^[va][0-9]{1,2}$/

export const MAX_VIDEO_TRACKS = 16
export const MAX_AUDIO_TRACKS = 32

/** For sorting: video, audio, subtitles, each by number. */
export function trackOrder(trackId: string): number {
  return 'vas'.indexOf(trackId.charAt(0)) * 100 + Number(trackId.slice(1))
}
