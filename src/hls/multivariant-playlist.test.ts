import { parse } from 'hls-parser'
import { expect, test } from 'vitest'
import { rational } from '../core/rational.ts'
import {
  type AudioRendition,
  type MultivariantPlaylist,
  renderMultivariantPlaylist,
  type SubtitlesRendition,
  type VideoRendition,
} from './multivariant-playlist.ts'

const video: VideoRendition = {
  uri: 'v0/playlist.m3u8',
  codecs: 'avc1.64001f',
  widthPx: 1280,
  heightPx: 720,
  frameRate: rational(30000, 1001),
  iFrames: null,
  peakBps: 3_100_000,
  averageBps: 2_500_000,
}

const audio: AudioRendition = {
  uri: 'a0/playlist.m3u8',
  codecs: 'mp4a.40.2',
  codec: 'aac',
  language: 'und',
  name: null,
  role: null,
  isDefault: false,
  channels: 2,
  peakBps: 130_000,
  averageBps: 128_000,
}
const opus = { ...audio, codecs: 'opus', codec: 'opus' }
const subtitles: SubtitlesRendition = {
  uri: 's0/playlist.m3u8',
  language: 'en',
  name: null,
  role: null,
  isDefault: false,
}

function render(changed: Partial<MultivariantPlaylist> = {}): string {
  return renderMultivariantPlaylist({
    version: 9,
    video: [video],
    audio: [audio],
    subtitles: [],
    captions: null,
    hasIndependentSegments: false,
    ...changed,
  })
}

/** `a0`, `a1`, … with these differences. */
function tracks(...changes: readonly Partial<AudioRendition>[]): AudioRendition[] {
  return changes.map((changed, index) => ({ ...audio, uri: `a${index}/playlist.m3u8`, ...changed }))
}

function master(text: string) {
  const playlist = parse(text)
  if (!playlist.isMasterPlaylist) throw new Error('not a multivariant playlist')
  return playlist
}

test('one video and one audio track', () => {
  const text = render()
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3230000,AVERAGE-BANDWIDTH=2628000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
v0/playlist.m3u8
`)
  expect(master(text).variants[0]?.audio[0]?.uri).toBe('a0/playlist.m3u8')
})

test('audio alone is a variant of its own', () => {
  const { variants } = master(render({ video: [], hasIndependentSegments: true }))
  expect(variants.map(({ uri, codecs, bandwidth }) => ({ uri, codecs, bandwidth }))).toEqual([
    { uri: 'a0/playlist.m3u8', codecs: 'mp4a.40.2', bandwidth: 130_000 },
  ])
})

test('two languages without video are one variant to choose from, not two to switch between', () => {
  const audio = tracks({ language: 'en' }, { language: 'de', isDefault: true })
  const { variants } = master(render({ video: [], audio }))
  expect(variants.map(({ uri }) => uri)).toEqual(['a1/playlist.m3u8'])
  expect(variants[0]?.audio.map(({ language, isDefault }) => [language, isDefault])).toEqual([
    ['en', false],
    ['de', true],
  ])
})

test('video alone has no audio group, and an unknown frame rate is not told', () => {
  const text = render({ video: [{ ...video, frameRate: null }], audio: [], hasIndependentSegments: true })
  expect(text).not.toMatch(/AUDIO|FRAME-RATE/)
  expect(master(text).independentSegments).toBe(true)
})

test('BANDWIDTH holds the most demanding audio once, and every audio codec is named once', () => {
  const other = { ...opus, language: 'de', peakBps: 200_000 }
  const { variants } = master(render({ audio: tracks({}, {}, other) }))
  expect(variants).toHaveLength(1)
  expect(variants[0]?.bandwidth).toBe(3_300_000)
  expect(variants[0]?.codecs).toBe('avc1.64001f,mp4a.40.2,opus')
})

test('languages are named in themselves; of one language only the first is chosen by itself', () => {
  const text = render({ audio: tracks({ language: 'en' }, { language: 'de' }, { language: 'en' }) })
  const renditions = master(text).variants[0]?.audio ?? []
  expect(
    renditions.map(({ name, language, isDefault, autoselect }) => [name, language, isDefault, autoselect]),
  ).toEqual([
    ['English', 'en', true, true],
    ['Deutsch', 'de', false, true],
    ['English 2', 'en', false, false],
  ])
})

test('audio description may be chosen by a player for its user; a commentary only by the user', () => {
  const text = render({
    audio: tracks({ language: 'en', role: 'commentary' }, { language: 'en' }, { language: 'en', role: 'description' }),
  })
  const renditions = master(text).variants[0]?.audio ?? []
  expect(
    renditions.map(({ name, isDefault, autoselect, characteristics }) => [
      name,
      isDefault,
      autoselect,
      characteristics,
    ]),
  ).toEqual([
    ['English (commentary)', false, false, undefined],
    ['English', true, true, undefined],
    ['English (audio description)', false, true, 'public.accessibility.describes-video'],
  ])
})

test('what comes in two codecs has a group for each, with the same members under the same names', () => {
  const text = render({
    video: [video, { ...video, uri: 'v1/playlist.m3u8' }],
    audio: tracks({ ...opus, language: 'en' }, { language: 'en' }, { language: 'fr' }),
  })
  const { variants } = master(text)
  expect(
    variants.map(({ uri, codecs, audio }) => [uri, codecs, audio.map((each) => [each.groupId, each.name, each.uri])]),
  ).toEqual(
    ['v0', 'v1', 'v0', 'v1'].map((id, index) => [
      `${id}/playlist.m3u8`,
      index < 2 ? 'avc1.64001f,mp4a.40.2' : 'avc1.64001f,opus,mp4a.40.2',
      index < 2
        ? [
            ['audio-aac', 'English', 'a1/playlist.m3u8'],
            ['audio-aac', 'Français', 'a2/playlist.m3u8'],
          ]
        : [
            ['audio-opus', 'English', 'a0/playlist.m3u8'],
            ['audio-opus', 'Français', 'a2/playlist.m3u8'],
          ],
    ]),
  )
})

test('subtitles are offered in every variant, and shown unasked only when forced or preferred', () => {
  const text = render({
    subtitles: [
      subtitles,
      { ...subtitles, uri: 's1/playlist.m3u8', role: 'caption' },
      { ...subtitles, uri: 's2/playlist.m3u8', role: 'forced-subtitle' },
    ],
    captions: [],
  })
  const variant = master(text).variants[0]
  expect(
    variant?.subtitles.map(({ name, isDefault, autoselect, forced }) => [name, isDefault, autoselect, forced ?? false]),
  ).toEqual([
    ['English', false, true, false],
    ['English (for the deaf)', false, true, false],
    ['English (forced)', false, true, true],
  ])
  expect(text).toMatch(/,SUBTITLES="subtitles",CLOSED-CAPTIONS=NONE\n/)
})

test('captions in the pictures are declared by their channel', () => {
  const text = render({
    captions: [{ instreamId: 'CC1', language: 'en', name: null, role: null, isDefault: false }],
  })
  expect(text).toContain('CLOSED-CAPTIONS="captions"')
  expect(master(text).variants[0]?.closedCaptions.map(({ instreamId, name }) => [instreamId, name])).toEqual([
    ['CC1', 'English'],
  ])
})

test('quotes and line breaks of a container cannot leave their string', () => {
  const text = render({ audio: [{ ...audio, name: 'a",URI="x\n#EXT', language: 'e"n' }] })
  expect(text.split('\n')).toHaveLength(6)
  expect(master(text).variants[0]?.audio[0]?.uri).toBe('a0/playlist.m3u8')
})

test('keyframes alone are offered with their own rates, the codec of the pictures, and nothing about sound', () => {
  const iFrames = { uri: 'v0/iframes.m3u8', peakBps: 240_000, averageBps: 200_000 }
  const text = renderMultivariantPlaylist({
    version: 9,
    video: [{ ...video, iFrames }],
    audio: [audio],
    subtitles: [],
    captions: null,
    hasIndependentSegments: false,
  })
  expect(text.split('\n').filter((line) => line.includes('I-FRAME'))).toEqual([
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=240000,AVERAGE-BANDWIDTH=200000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="v0/iframes.m3u8"',
  ])
  expect(parse(text)).toMatchObject({
    variants: [{ isIFrameOnly: false }, { isIFrameOnly: true, uri: 'v0/iframes.m3u8' }],
  })
})
