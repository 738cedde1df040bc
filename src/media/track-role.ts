/** What a track is for, in the words of the DASH role scheme (ISO/IEC 23009-1 5.8.5.5), which CMAF `kind` boxes use, too. */
export const TRACK_ROLES = [
  'main',
  'alternate',
  'supplementary',
  'commentary',
  'dub',
  /** Tells the blind what is to be seen. */
  'description',
  'enhanced-audio-intelligibility',
  'subtitle',
  /** Subtitles that also tell the deaf what is to be heard. */
  'caption',
  /** Shown also to those who want no subtitles: signs, foreign speech. */
  'forced-subtitle',
  'easyreader',
] as const

export type TrackRole = (typeof TRACK_ROLES)[number]

export function isTrackRole(text: string): text is TrackRole {
  return (TRACK_ROLES as readonly string[]).includes(text)
}
