/** `v0`, `a0`, `s0`, …: video, audio and subtitles, each in the order of the container. */
export const TRACK_ID_PATTERN = /^[vas][0-9]{1,2}$/

export const MAX_VIDEO_TRACKS = 16
export const MAX_AUDIO_TRACKS = 32
export const MAX_TEXT_TRACKS = 16

/** For sorting: video, audio, subtitles, each by number. */
export function trackOrder(trackId: string): number {
  return 'vas'.indexOf(trackId.charAt(0)) * 100 + Number(trackId.slice(1))
}
