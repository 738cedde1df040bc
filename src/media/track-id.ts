/** `v0`, `a0`, `s0`, …: video, audio and subtitles, each in the order of the container. */
export const TRACK_ID_PATTERN = /^[vas][0-9]{1,2}$/

/** INSTREAM-ID of captions in the pictures: RFC 8216bis 4.4.6.1. */
export const CAPTION_CHANNEL_PATTERN = /^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5][0-9]|6[0-3]))$/

export const MAX_VIDEO_TRACKS = 16
export const MAX_AUDIO_TRACKS = 32
export const MAX_TEXT_TRACKS = 16

/** For sorting: video, audio, subtitles, each by number. */
export function trackOrder(trackId: string): number {
  return 'vas'.indexOf(trackId.charAt(0)) * 100 + Number(trackId.slice(1))
}
