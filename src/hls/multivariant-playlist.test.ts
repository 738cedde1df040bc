import { parse } from 'hls-parser'
import { expect, test } from 'vitest'
import { rational } from '../core/rational.ts'
import { type AudioRendition, renderMultivariantPlaylist, type VideoRendition } from './multivariant-playlist.ts'

const video: VideoRendition = {
  uri: 'v0/playlist.m3u8',
  codecs: 'avc1.64001f',
  widthPx: 1280,
  heightPx: 720,
  frameRate: rational(30000, 1001),
  peakBps: 3_100_000,
  averageBps: 2_500_000,
}
const audio: AudioRendition = {
  uri: 'a0/playlist.m3u8',
  codecs: 'mp4a.40.2',
  language: 'und',
  name: 'Audio 1',
  channels: 2,
  peakBps: 130_000,
  averageBps: 128_000,
}

function master(text: string) {
  const playlist = parse(text)
  if (!playlist.isMasterPlaylist) throw new Error('not a multivariant playlist')
  return playlist
}

test('one video and one audio track', () => {
  const text = renderMultivariantPlaylist({ video: [video], audio: [audio], hasIndependentSegments: false })
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3230000,AVERAGE-BANDWIDTH=2628000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
v0/playlist.m3u8
`)
  expect(master(text).variants[0]?.audio[0]?.uri).toBe('a0/playlist.m3u8')
})

test('audio alone is a variant of its own', () => {
  const { variants } = master(renderMultivariantPlaylist({ video: [], audio: [audio], hasIndependentSegments: true }))
  expect(variants.map(({ uri, codecs, bandwidth }) => ({ uri, codecs, bandwidth }))).toEqual([
    { uri: 'a0/playlist.m3u8', codecs: 'mp4a.40.2', bandwidth: 130_000 },
  ])
})

test('video alone has no audio group, and an unknown frame rate is not told', () => {
  const text = renderMultivariantPlaylist({
    video: [{ ...video, frameRate: null }],
    audio: [],
    hasIndependentSegments: true,
  })
  expect(text).not.toMatch(/AUDIO|FRAME-RATE/)
  expect(master(text).independentSegments).toBe(true)
})

test('BANDWIDTH holds the most demanding audio once, and every audio codec is named once', () => {
  const other = { ...audio, uri: 'a1/playlist.m3u8', codecs: 'opus', language: 'de', name: 'de', peakBps: 200_000 }
  const { variants } = master(
    renderMultivariantPlaylist({ video: [video], audio: [audio, audio, other], hasIndependentSegments: false }),
  )
  expect(variants[0]?.bandwidth).toBe(3_300_000)
  expect(variants[0]?.codecs).toBe('avc1.64001f,mp4a.40.2,opus')
})

test('renditions of one language get different names, and only the first is chosen by itself', () => {
  const tracks = ['a0', 'a1', 'a2'].map((id, index) => ({
    ...audio,
    uri: `${id}/playlist.m3u8`,
    language: index === 1 ? 'de' : 'en',
    name: index === 1 ? 'de' : 'en',
  }))
  const text = renderMultivariantPlaylist({ video: [video], audio: tracks, hasIndependentSegments: false })
  const renditions = master(text).variants[0]?.audio ?? []
  expect(renditions.map(({ name, isDefault, autoselect }) => [name, isDefault, autoselect])).toEqual([
    ['en', true, true],
    ['de', false, true],
    ['en 2', false, false],
  ])
})

test('quotes and line breaks of a container cannot leave their string', () => {
  const text = renderMultivariantPlaylist({
    video: [video],
    audio: [{ ...audio, name: 'a",URI="x\n#EXT', language: 'e"n' }],
    hasIndependentSegments: false,
  })
  expect(text.split('\n')).toHaveLength(6)
  expect(master(text).variants[0]?.audio[0]?.uri).toBe('a0/playlist.m3u8')
})
