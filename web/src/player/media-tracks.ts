// Which languages a viewer may choose between, whoever plays: hls.js, or the browser itself.
import type Hls from 'hls.js'
import type { TrackChoice, TrackChoices } from './track-choices.ts'

/** hls.js's tracks and the browser's, as far as they are needed here. */
interface NamedTrack {
  readonly name: string
  readonly lang?: string | undefined
}

/** Safari's; TypeScript knows no audioTracks. */
interface NativeAudioTrack {
  enabled: boolean
  readonly label: string
  readonly language: string
}

export function readChoices(hls: Hls | null, video: HTMLVideoElement): TrackChoices {
  if (hls === null) return readNative(video)
  const audio = hls.audioTracks.map(choiceOf)
  const text = hls.subtitleTracks.map(choiceOf)
  const captions = captionTracks(hls, video)
  const shownCaption = captions.find(({ mode }) => mode === 'showing')
  return {
    audio,
    audioId: audio[hls.audioTrack]?.id ?? null,
    text: [...text, ...captions.map(captionChoice)],
    textId: shownCaption !== undefined ? captionChoice(shownCaption).id : (text[hls.subtitleTrack]?.id ?? null),
  }
}

export function chooseAudio(hls: Hls | null, video: HTMLVideoElement, id: string): void {
  if (hls === null) {
    for (const track of nativeAudio(video)) track.enabled = nativeChoice(track).id === id
    return
  }
  const index = hls.audioTracks.findIndex((track) => choiceOf(track).id === id)
  if (index >= 0 && index !== hls.audioTrack) hls.audioTrack = index
}

/** Null: no subtitles. */
export function chooseText(hls: Hls | null, video: HTMLVideoElement, id: string | null): void {
  if (hls === null) {
    for (const track of nativeText(video)) track.mode = nativeChoice(track).id === id ? 'showing' : 'disabled'
    return
  }
  for (const track of captionTracks(hls, video)) track.mode = captionChoice(track).id === id ? 'showing' : 'hidden'
  const index = hls.subtitleTracks.findIndex((track) => choiceOf(track).id === id)
  hls.subtitleDisplay = index >= 0
  if (index !== hls.subtitleTrack) hls.subtitleTrack = index
}

function choiceOf({ name, lang = '' }: NamedTrack): TrackChoice {
  return { id: `${lang}|${name}`, label: name, language: lang }
}

/** hls.js makes one for each channel of CEA-608 or CEA-708 that it finds, and one for each subtitles track for the deaf. */
function captionTracks(hls: Hls, video: HTMLVideoElement): readonly TextTrack[] {
  const isPlaylist = ({ label, language }: TextTrack): boolean =>
    hls.subtitleTracks.some(({ name, lang = '' }) => name === label && lang === language)
  return [...video.textTracks].filter((track) => track.kind === 'captions' && !isPlaylist(track))
}

function captionChoice({ label, language }: TextTrack): TrackChoice {
  return { id: `captions|${language}|${label}`, label: `${label} (captions)`, language }
}

function readNative(video: HTMLVideoElement): TrackChoices {
  const audio = nativeAudio(video)
  const text = nativeText(video)
  const heard = audio.find(({ enabled }) => enabled)
  const shown = text.find(({ mode }) => mode === 'showing')
  return {
    audio: audio.map(nativeChoice),
    audioId: heard === undefined ? null : nativeChoice(heard).id,
    text: text.map(nativeChoice),
    textId: shown === undefined ? null : nativeChoice(shown).id,
  }
}

function nativeAudio(video: HTMLVideoElement): readonly NativeAudioTrack[] {
  return [...((video as { audioTracks?: Iterable<NativeAudioTrack> }).audioTracks ?? [])]
}

function nativeText(video: HTMLVideoElement): readonly TextTrack[] {
  return [...video.textTracks].filter(({ kind }) => kind === 'subtitles' || kind === 'captions')
}

function nativeChoice({ label, language }: { readonly label: string; readonly language: string }): TrackChoice {
  return { id: `${language}|${label}`, label: label === '' ? language : label, language }
}
