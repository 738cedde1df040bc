// Subtitles beside real pictures: in CMAF, and as WebVTT that somebody posts.
import { expect, test } from 'vitest'
import type { Stage, TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { textFragment, textHeader, wvttSample } from '../support/cmaf-text.ts'
import { Broadcast } from './broadcast.ts'
import { cmafFragments, cutTs, tsFile } from './feeds.ts'

const TICKS_PER_SEC = 1000

interface ListedText {
  readonly uri: string
  readonly isGap: boolean
  readonly durationSec: number
  readonly text: string
}

function listed(stage: Stage, trackId: string, pattern: RegExp): ListedText[] {
  const lines = stage.text(trackId).split('\n')
  return lines.flatMap((line, index) => {
    const uri = pattern.exec(line)?.[1]
    if (uri === undefined) return []
    const bytes = stage.media(trackId, uri)
    if (bytes === null) throw new Error(`${uri} cannot be fetched`)
    const duration = /(?:EXTINF:|DURATION=)([\d.]+)/.exec(line.startsWith('#') ? line : (lines[index - 1] ?? ''))?.[1]
    const isGap = lines[index - 2] === '#EXT-X-GAP'
    return [{ uri, isGap, durationSec: Number(duration), text: Buffer.from(bytes).toString() }]
  })
}

const segmentsOf = (stage: Stage, trackId = 's0') => listed(stage, trackId, /^(\d+\.vtt)$/)
const partsOf = (stage: Stage, trackId = 's0') => listed(stage, trackId, /^#EXT-X-PART:.*URI="([^"]+\.vtt)"/)

/** Milliseconds of the media timeline at which each cue is shown, from the header of the segment. */
function cuesOf({ text }: ListedText): { readonly text: string; readonly fromMs: number; readonly toMs: number }[] {
  const [, local = '', mpegts = ''] = /X-TIMESTAMP-MAP=LOCAL:([\d:.]+),MPEGTS:(\d+)/.exec(text) ?? []
  const ms = (time: string) =>
    time.split(':').reduce((sum, value, index) => sum + Number(value) * [3_600_000, 60_000, 1000][index]!, 0)
  const shift = Number(mpegts) / 90 - ms(local)
  return [...text.matchAll(/([\d:.]+) --> ([\d:.]+).*\n(.*)/g)].map(([, from = '', to = '', line = '']) => ({
    text: line,
    fromMs: Math.round(ms(from) + shift),
    toMs: Math.round(ms(to) + shift),
  }))
}

/** A subtitle each second for half a second: `n` from n s on; in fragments like those of the picture. */
function spoken(seconds: number, fragmentSec: number): TimedBytes[] {
  const half = TICKS_PER_SEC / 2
  const fragments = Array.from({ length: seconds / fragmentSec }, (_, index) => ({
    atMs: (index + 1) * fragmentSec * 1000,
    bytes: textFragment(
      index + 1,
      index * fragmentSec * TICKS_PER_SEC,
      Array.from({ length: fragmentSec }, (_, second) => [
        { durationTicks: half, data: wvttSample({ text: `${index * fragmentSec + second}` }) },
        { durationTicks: half, data: wvttSample() },
      ]).flat(),
    ),
  }))
  const header = textHeader({ format: 'wvtt', timescale: TICKS_PER_SEC, language: 'deu' })
  return [{ atMs: 0, bytes: header }, ...fragments]
}

/** Media time of a track's first sample, in milliseconds: what MPEGTS must agree with. */
function firstMediaMs(stage: Stage, trackId: string): number {
  const name = /URI="(p\d+-\d+\.m4s)"|^(\d+\.m4s)$/m.exec(stage.text(trackId))
  const bytes = stage.media(trackId, name?.[1] ?? name?.[2] ?? '')
  if (bytes === null) throw new Error('no media')
  const at = Buffer.from(bytes).indexOf('tfdt') + 8
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const init = Buffer.from([...(stage.shelf.track(trackId)?.inits.values() ?? [])][0] ?? [])
  const timescale = init.readUInt32BE(init.indexOf('mdhd') + 16)
  return ((view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)) / timescale) * 1000
}

test('CMAF: picture, sound and subtitles in requests of their own, each cue at its picture', async () => {
  const broadcast = new Broadcast()
  const { stage } = broadcast
  const open = (trackId: string | null, inputId: string) =>
    stage.stream.open({
      ...{ kind: 'open', inputId, streamId: 'stage', protocol: 'cmaf', container: 'fmp4' },
      ...{ trackId, openedAtMs: stage.nowMs },
    })
  open('v0', 'video')
  open('s0', 'text')
  const video = (await cmafFragments({ seconds: 12, audio: null }, 1000)).map((piece) => ({ ...piece, input: 'video' }))
  const text = spoken(12, 2).map((piece) => ({ ...piece, input: 'text' }))
  const startMs = stage.nowMs
  for (const { atMs, bytes, input } of [...video, ...text].toSorted((a, b) => a.atMs - b.atMs)) {
    await broadcast.wait(Math.max(0, startMs + atMs - stage.nowMs))
    stage.stream.data(input, bytes.slice(), stage.nowMs)
  }
  await broadcast.wait(100)
  expect(broadcast.problems.filter((problem) => problem.startsWith('v'))).toEqual([])
  const segments = segmentsOf(stage)
  expect(segments.length).toBeGreaterThan(2)
  expect(segments.every(({ isGap, durationSec }) => !isGap && durationSec === 2)).toBe(true)
  const firstMs = firstMediaMs(stage, 'v0')
  const cues = segments.flatMap(cuesOf)
  expect(cues.length).toBeGreaterThan(4)
  for (const { text: second, fromMs, toMs } of cues) {
    // The header wraps as PES timestamps do.
    const aheadMs = (fromMs - (firstMs % (2 ** 33 / 90)) + 2 ** 33 / 90) % (2 ** 33 / 90)
    expect(Math.abs(aheadMs - Number(second) * 1000), `subtitle ${second}`).toBeLessThanOrEqual(2)
    expect(toMs - fromMs).toBe(500)
  }
  const rendition = stage.multivariant().variants[0]?.subtitles[0]
  expect([rendition?.uri, rendition?.language, rendition?.name]).toEqual(['s0/playlist.m3u8', 'de', 'Deutsch'])
  expect(broadcast.repairs()).toEqual({})
  broadcast.finish('video')
  expect(stage.playlist('s0').endlist).toBe(true)
})

function post(stage: Stage, body: string, text = { zeroMs: null as number | null, language: 'en' as string | null }) {
  const inputId = `post-${stage.nowMs}-${body.length}`
  stage.stream.open({
    ...{ kind: 'open', inputId, streamId: 'stage', protocol: 'cmaf', container: 'vtt', trackId: 's0', text },
    openedAtMs: stage.nowMs,
  })
  stage.stream.data(inputId, Buffer.from(body), stage.nowMs)
  return stage.stream.close(inputId, null)
}

test('WebVTT that is posted beside an SRT encoder is on screen with the next part', async () => {
  const broadcast = new Broadcast({
    settings: { tracks: [{ id: 's0', language: 'fr', name: null, role: null, isDefault: false }] },
  })
  const { stage } = broadcast
  const media = cutTs(await tsFile({ seconds: 16 }))
  const inputId = stage.open('ts')
  await broadcast.feed(
    inputId,
    media.filter(({ atMs }) => atMs < 8000),
  )
  const silent = segmentsOf(stage)
  expect(silent.length).toBeGreaterThan(1)
  expect(silent.every(({ text, isGap }) => !isGap && /^WEBVTT\nX-TIMESTAMP-MAP=\S+\n$/.test(text))).toBe(true)

  expect(post(stage, 'WEBVTT\n\n00:00.000 --> 00:03.000\nBonjour')).toBeNull()
  await broadcast.feed(
    inputId,
    media.filter(({ atMs }) => atMs >= 8000 && atMs < 8500),
  )
  const parts = partsOf(stage)
  expect(parts.filter(({ text }) => text.includes('Bonjour')).length).toBeGreaterThanOrEqual(2)
  await broadcast.feed(
    inputId,
    media.filter(({ atMs }) => atMs >= 8500),
  )
  const spokenIn = segmentsOf(stage).map(({ text }) => text.includes('Bonjour'))
  expect(spokenIn.filter(Boolean).length).toBeGreaterThanOrEqual(2)
  expect(spokenIn.at(-1)).toBe(false)
  // One cue, whatever segments it stands in.
  expect(new Set(segmentsOf(stage).flatMap(({ text }) => text.match(/^\d+-\w+$/gm) ?? [])).size).toBe(1)
  const rendition = stage.multivariant().variants[0]?.subtitles[0]
  expect([rendition?.language, rendition?.name]).toEqual(['fr', 'Français'])
  // The same grid, the same server control, and reports of where the others are.
  const picture = stage.playlist('v0')
  const text = stage.playlist('s0')
  expect(text.mediaSequenceBase).toBe(picture.mediaSequenceBase)
  expect(text.lowLatencyCompatibility).toEqual(picture.lowLatencyCompatibility)
  expect(text.renditionReports.map(({ uri }) => uri).toSorted()).toEqual(['../a0/playlist.m3u8', '../v0/playlist.m3u8'])
  expect(picture.renditionReports.map(({ uri }) => uri).toSorted()).toEqual([
    '../a0/playlist.m3u8',
    '../s0/playlist.m3u8',
  ])
})

test('a caption that is posted for a time of the programme stands at that date', async () => {
  const broadcast = new Broadcast()
  const { stage } = broadcast
  const inputId = stage.open('ts')
  const media = cutTs(await tsFile({ seconds: 12 }))
  await broadcast.feed(
    inputId,
    media.filter(({ atMs }) => atMs < 5000),
  )
  const zeroMs = stage.playlist('v0').segments.at(-1)?.programDateTime?.getTime() ?? 0
  expect(post(stage, 'WEBVTT\n\n00:04.000 --> 00:05.000\nThen', { zeroMs, language: 'en' })).toBeNull()
  await broadcast.feed(
    inputId,
    media.filter(({ atMs }) => atMs >= 5000),
  )
  const [cue] = segmentsOf(stage).flatMap(cuesOf)
  const sinceEpochMs = zeroMs - Date.UTC(2020, 0, 1) + 4000
  expect(cue?.text).toBe('Then')
  expect(cue?.fromMs).toBeCloseTo(sinceEpochMs % (2 ** 33 / 90), -1)
})

test('subtitles outlive silence of the encoder and a new clock, without a gap of their own', async () => {
  const broadcast = new Broadcast({
    settings: { tracks: [{ id: 's0', language: null, name: null, role: null, isDefault: false }] },
  })
  const { stage } = broadcast
  const first = stage.open('ts')
  await broadcast.feed(first, cutTs(await tsFile({ seconds: 6 })))
  stage.stream.close(first, null)
  await broadcast.wait(9000)
  const again = stage.open('ts')
  await broadcast.feed(again, cutTs(await tsFile({ seconds: 6 }, ['-output_ts_offset', '5000'])))
  const picture = stage.segments('v0')
  expect(picture.some(({ isGap }) => isGap)).toBe(true)
  expect(picture.at(-1)?.dsn).toBe(1)
  const text = stage.playlist('s0')
  expect(text.segments.every(({ gap }) => gap !== true)).toBe(true)
  const dsnOf = (msn: number) => picture.find((segment) => segment.msn === msn)?.dsn
  for (const { mediaSequenceNumber, discontinuitySequence } of text.segments) {
    if (dsnOf(mediaSequenceNumber) !== undefined) expect(discontinuitySequence).toBe(dsnOf(mediaSequenceNumber))
  }
})

test('what is posted is refused by name: when nothing is live, and when it is no WebVTT', async () => {
  const broadcast = new Broadcast()
  const { stage } = broadcast
  expect(() => post(stage, 'WEBVTT\n\n')).toThrow('is not live')
  const inputId = stage.open('ts')
  await broadcast.feed(inputId, cutTs(await tsFile({ seconds: 4 })))
  expect(post(stage, 'Hello')).toMatchObject({ code: 'ingest_malformed' })
  expect(stage.endedInputs).toEqual([])
  expect(stage.told('stream.error')).toHaveLength(1)
})
