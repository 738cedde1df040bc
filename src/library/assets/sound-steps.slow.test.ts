import { randomUUID } from 'node:crypto'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judge, MediaBench } from './media-steps.test-support.ts'

let bench: MediaBench

beforeAll(async () => {
  bench = await MediaBench.open()
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=44100:d=2']
const failing = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) })

test('a sound is described, drawn, measured, and made playable everywhere', async () => {
  const path = await bench.made('tone.flac', [...TONE, '-ac', '2', '-metadata', 'title=Kammerton'])
  const done = await bench.process(path)
  expect(done.facts).toMatchObject({
    ...{ container: 'flac', durationSec: 2, width: null, video: null, tags: { title: 'Kammerton' } },
    audio: { codec: 'flac', channels: 2, sampleRateHz: 44_100 },
    loudness: { integratedLufs: expect.any(Number), peakDbfs: expect.any(Number) },
  })
  const of = (name: string) => done.renditions.find((row) => row.name === name)
  expect(done.renditions.map(({ name, contentType }) => [name, contentType])).toEqual([
    ['waveform', 'application/json'],
    ['m4a', 'audio/mp4'],
    ['opus', 'audio/ogg'],
    ['hls', 'application/vnd.apple.mpegurl'],
  ])
  const waveform = JSON.parse(await readFile(await bench.file(of('waveform')), 'utf8'))
  expect(waveform).toMatchObject({ channels: 2, sampleRateHz: 8000 })
  expect(waveform.data).toHaveLength(waveform.length * 4)
  const m4a = await bench.file(of('m4a'))
  const aac = await judge(m4a)
  expect(aac.streams).toMatchObject([{ codec_name: 'aac', profile: 'LC', channels: 2, sample_rate: '44100' }])
  expect(Number(aac.format.duration)).toBeCloseTo(2, 1)
  expect(aac.format.tags).toMatchObject({ title: 'Kammerton', major_brand: 'M4A ' })
  const bytes = await readFile(m4a)
  // A player can begin before it has all.
  expect(bytes.indexOf('moov', 0, 'latin1')).toBeLessThan(bytes.indexOf('mdat', 0, 'latin1'))
  const opus = await judge(await bench.file(of('opus')))
  expect(opus.streams).toMatchObject([{ codec_name: 'opus', channels: 2 }])
  expect(done.percents['m4a']?.at(-1)).toBeGreaterThan(90)
  expect(await bench.scratch()).toEqual([])
})

test('a sound whose first track nobody can decode is made of the next one that can be decoded', async () => {
  // Silence in the first, a tone in the second.
  const silence = ['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo', '-t', '2']
  const tracks = ['-map', '0', '-map', '1', '-c:a:0', 'ac3', '-c:a:1', 'aac', '-t', '2']
  const path = await bench.made('two.m4a', [...silence, ...TONE, ...tracks, '-f', 'mp4', '-brand', 'M4A '])
  // MPEG-H 3D Audio, which ffmpeg knows by name alone.
  const bytes = (await readFile(path)).toString('latin1').replace('ac-3', 'mhm1')
  await writeFile(path, Buffer.from(bytes, 'latin1'))
  const done = await bench.process(path)
  expect(done.facts).toMatchObject({
    audio: { index: 1, codec: 'aac', channels: 1 },
    streams: [
      { codec: 'mpegh_3d_audio', isDecodable: false },
      { codec: 'aac', isDecodable: true },
    ],
    loudness: { peakDbfs: expect.closeTo(-18, 0) },
  })
  const rendered = done.renditions.map(({ name }) => name)
  expect(rendered).toEqual(['waveform', 'm4a', 'opus', 'hls'])
  const { streams } = await judge(await bench.file(done.renditions.find(({ name }) => name === 'm4a')))
  expect(streams).toMatchObject([{ codec_name: 'aac', channels: 1 }])
})

test('a waveform takes no longer than any other step may', async () => {
  await using hasty = await MediaBench.open()
  const path = await hasty.made('slow.wav', TONE)
  const done = await hasty.process(path)
  hasty.media = { ...hasty.media, stepMs: 1 }
  const asset = { ...done.asset, id: randomUUID() }
  const again = hasty.process(path, 'waveform', { asset, facts: done.facts })
  await expect(again).rejects.toMatchObject(failing('processing_timeout', /took longer than 0.001 s/))
  expect(await hasty.keys({ ...done, asset })).toEqual([expect.stringMatching(/\/original$/)])
})

test('a sound is begun again where it failed, and the same work gives the same objects', async () => {
  const path = await bench.made('again.wav', TONE)
  const first = await bench.process(path)
  const before = await bench.keys(first)
  const again = await bench.process(path, 'hls', first)
  expect(Object.keys(again.percents)).toEqual(['hls'])
  expect(again.renditions).toEqual(first.renditions)
  expect(await bench.keys(again)).toEqual(before)
  const below = before.map((key) =>
    key
      .split('/')
      .slice(3)
      .join('/')
      .replace(/-[0-9a-f]{12,}/g, ''),
  )
  expect(below).toEqual([
    ...['hls/a0/2020/01/01/00/00.index.json', 'hls/a0/2020/01/01/00/media.pack', 'hls/a0/init.mp4', 'hls/index.json'],
    ...['m4a/m4a.m4a', 'opus/opus.opus', 'original', 'waveform/waveform.json'],
  ])
})

test('what is cut, too long, or no sound at all is refused by name', async () => {
  const whole = await bench.made('whole.flac', [...TONE, ...['-f', 'lavfi', '-i', 'anoisesrc=d=20:r=44100']].slice(4))
  const cut = await bench.made('cut.flac', ['-i', whole, '-c', 'copy'])
  await truncate(cut, 200_000)
  await expect(bench.process(cut)).rejects.toMatchObject(failing('content_damaged', /20\.0 s, and breaks off after/))
  bench.media = { ...bench.media, maxDurationSec: 10 }
  await expect(bench.process(whole)).rejects.toMatchObject(failing('content_too_large', /lasts longer than/))
  bench.media = { ...bench.media, maxDurationSec: 60 }
  const words = `${bench.folder}/words.flac`
  await writeFile(words, 'fLaC and then only words')
  await expect(bench.process(words)).rejects.toMatchObject({ code: expect.stringMatching(/^content_/) })
})
