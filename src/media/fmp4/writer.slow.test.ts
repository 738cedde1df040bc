import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AudioConfig, InputSample, InputTrack, VideoConfig } from '../samples.ts'
import { boxedSamples, decodeErrors, demux, probePackets, remux, Workbench } from './fixtures.test-support.ts'
import { type Fragment, fragmentSize, writeFragmentInto } from './fragment.ts'
import { initHash, writeInitSegment } from './init-segment.ts'

const bench = new Workbench()
afterAll(() => bench.remove())

const ENCODERS = {
  'x264 with B-frames and AAC': '-c:v libx264 -preset veryfast -g 30 -bf 2 -aspect 4:3 -c:a aac -ac 2',
  'x265 and AAC': '-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30 -c:a aac',
  'SVT-AV1 and Opus': '-c:v libsvtav1 -preset 12 -g 30 -c:a libopus -ac 2',
}

const AUDIO: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
  configRecord: Uint8Array.of(0x11, 0x90),
  language: 'de',
}

function write(fragment: Fragment): Uint8Array {
  const target = new Uint8Array(fragmentSize(fragment))
  expect(writeFragmentInto(fragment, target, 0)).toBe(target.length)
  return target
}

/** Parts of seven samples, numbered from 1. */
function parts(kind: 'video' | 'audio', samples: readonly InputSample[]): Uint8Array[] {
  const written: Uint8Array[] = []
  for (let at = 0; at < samples.length; at += 7) {
    const slice = samples.slice(at, at + 7)
    written.push(
      write({
        kind,
        sequenceNumber: written.length + 1,
        baseDecodeTime: slice[0]!.dts,
        samples: slice.map(({ duration, ...sample }) => ({ ...sample, duration: duration ?? 0 })),
      }),
    )
  }
  return written
}

for (const [name, args] of Object.entries(ENCODERS)) {
  describe(name, () => {
    let samples: readonly InputSample[] = []
    let tracks: readonly InputTrack[] = []
    beforeAll(() => {
      const source = bench.encode(`${name.replaceAll(' ', '-')}.mp4`, args)
      const recording = demux([remux(source, '-movflags +frag_keyframe+empty_moov+default_base_moof')])
      samples = recording.samples
      tracks = recording.tracks
    })

    test.each(['v0', 'a0'])('%s is decoded without a complaint and has the same packets', (id) => {
      const track = tracks.find((candidate) => candidate.id === id)!
      const own = samples.filter((sample) => sample.trackId === id)
      const init = writeInitSegment({ config: track.config, timescale: track.clock.ticksPerSec })
      const bytes = Buffer.concat([init, ...parts(track.config.kind, own)])
      const file = bench.write(`${id}.mp4`, bytes)
      expect(decodeErrors(file)).toBe('')
      expect(probePackets(file, 0)).toEqual(
        own.map(({ dts, cto, isKeyframe, data }) => ({ pts: dts + cto, dts, size: data.length, isKeyframe })),
      )
      expect(boxedSamples(bytes, 1)).toEqual(
        own.map(({ dts, cto, duration, isKeyframe, data }) => ({ dts, cto, duration, size: data.length, isKeyframe })),
      )
    })

    test('our own demuxer reads back the same tracks and samples', () => {
      for (const track of tracks) {
        const own = samples.filter((sample) => sample.trackId === track.id)
        const init = writeInitSegment({ config: track.config, timescale: track.clock.ticksPerSec })
        const back = demux([init, ...parts(track.config.kind, own)])
        expect(back.error).toBeNull()
        expect(back.tracks).toEqual([track])
        expect(back.samples).toEqual(own)
      }
    })
  })
}

test('every legal fragment reads back as it was written', () => {
  const init = writeInitSegment({ config: AUDIO, timescale: 48_000 })
  const sample = fc.record({
    duration: fc.oneof(fc.constant(1024), fc.integer({ min: 1, max: 0xffff_ffff })),
    cto: fc.oneof(fc.constant(0), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
    isKeyframe: fc.boolean(),
    data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  })
  const fragment = fc.record({
    kind: fc.constantFrom('video' as const, 'audio' as const),
    sequenceNumber: fc.nat({ max: 0x7fff_ffff }),
    baseDecodeTime: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 52 })),
    samples: fc.array(sample, { minLength: 1, maxLength: 12 }),
  })
  fc.assert(
    fc.property(fragment, (written) => {
      const bytes = write(written)
      const back = demux([init, bytes])
      expect(back.error).toBeNull()
      let dts = written.baseDecodeTime
      const expected = written.samples.map(({ duration, cto, data }) => {
        dts += duration
        return { trackId: 'a0', dts: dts - duration, cto, duration, isKeyframe: true, data }
      })
      expect(back.samples).toEqual(expected)
      // The demuxer takes every audio frame for a keyframe; mp4box reads the flags.
      expect(boxedSamples(Buffer.concat([init, bytes]), 1).map((read) => read.isKeyframe)).toEqual(
        written.samples.map(({ isKeyframe }) => written.kind === 'audio' || isKeyframe),
      )
    }),
    { numRuns: 200 },
  )
})

test('a fragment is written at the given place of a shared buffer and nowhere else', () => {
  const data = Uint8Array.of(1, 2, 3)
  const fragment: Fragment = {
    kind: 'audio',
    sequenceNumber: 7,
    baseDecodeTime: 2 ** 52 + 1,
    samples: [{ duration: 1024, cto: 0, isKeyframe: true, data }],
  }
  const bytes = fragmentSize(fragment)
  const target = new Uint8Array(new SharedArrayBuffer(bytes + 20)).fill(0xee)
  expect(writeFragmentInto(fragment, target, 10)).toBe(10 + bytes)
  expect([...target.subarray(0, 10), ...target.subarray(10 + bytes)]).toEqual(Array(20).fill(0xee))
  expect([...target.subarray(10, 10 + bytes)]).toEqual([...write(fragment)])
})

test('an audio part of equal frames costs no bytes per frame', () => {
  const frame = { duration: 1024, cto: 0, isKeyframe: true, data: new Uint8Array(100) }
  const size = (count: number) =>
    fragmentSize({ kind: 'audio', sequenceNumber: 1, baseDecodeTime: 0, samples: Array(count).fill(frame) })
  expect(size(10) - size(9)).toBe(100)
})

test('an init segment depends on nothing but its track', () => {
  const init = writeInitSegment({ config: AUDIO, timescale: 48_000 })
  expect(writeInitSegment({ config: { ...AUDIO }, timescale: 48_000 })).toEqual(init)
  expect(initHash(init)).toMatch(/^[0-9a-f]{16}$/)
  expect(initHash(writeInitSegment({ config: AUDIO, timescale: 44_100 }))).not.toBe(initHash(init))
})

test('languages survive the way through the container', () => {
  for (const language of ['de', 'en', 'und', 'haw', 'zh']) {
    const back = demux([writeInitSegment({ config: { ...AUDIO, language }, timescale: 48_000 })])
    expect(back.tracks[0]?.config).toMatchObject({ language })
  }
})

test('a pixel aspect that is not square survives the way through the container', () => {
  const source = bench.encode('aspect.mp4', '-c:v libx264 -preset veryfast -an -t 0.2')
  const track = demux([remux(source, '-movflags +cmaf+frag_keyframe')]).tracks[0]!
  const config = { ...(track.config as VideoConfig), pixelAspect: { num: 4, den: 3 } }
  const back = demux([writeInitSegment({ config, timescale: track.clock.ticksPerSec })])
  expect(back.tracks[0]?.config).toMatchObject({ pixelAspect: { num: 4, den: 3 } })
})
