import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  boxedSamples,
  demux,
  inPieces,
  type ProbedPacket,
  probePackets,
  type Recording,
  remux,
  Workbench,
} from './fixtures.test-support.ts'

const bench = new Workbench()
afterAll(() => bench.remove())

const ENCODERS = {
  'x264 with B-frames and AAC': '-c:v libx264 -preset veryfast -g 30 -bf 2 -c:a aac',
  'x264 without B-frames and AAC': '-c:v libx264 -preset veryfast -tune zerolatency -g 30 -c:a aac',
  'x265 and AAC': '-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30 -tag:v hvc1 -c:a aac',
  'SVT-AV1 and Opus': '-c:v libsvtav1 -preset 12 -g 30 -c:a libopus',
}
const FLAGS = [
  '-movflags +cmaf+frag_keyframe',
  '-movflags +frag_every_frame+empty_moov+default_base_moof',
  '-movflags +frag_keyframe+empty_moov+default_base_moof',
  '-frag_duration 200000 -movflags +empty_moov',
  '-frag_duration 200000 -movflags +delay_moov',
  '-frag_duration 200000 -movflags +cmaf+delay_moov+global_sidx',
]
const CODECS: Record<keyof typeof ENCODERS, readonly [RegExp, RegExp]> = {
  'x264 with B-frames and AAC': [/^avc1\.64/, /^mp4a\.40\.2$/],
  'x264 without B-frames and AAC': [/^avc1\.64/, /^mp4a\.40\.2$/],
  'x265 and AAC': [/^hvc1\.1\.6\.L/, /^mp4a\.40\.2$/],
  'SVT-AV1 and Opus': [/^av01\.0\.00M\.08/, /^opus$/],
}

/**
 * ffprobe shows a track with negative composition offsets later by the largest of them, which the standard does not.
 * Audio in front of 0 is priming, which is not delivered.
 */
function expectSamePackets(recording: Recording, trackId: string, packets: readonly ProbedPacket[]): void {
  const samples = recording.of(trackId)
  const shownLater = Math.max(0, ...samples.map((sample) => -sample.cto))
  expect(
    samples.map(({ dts, cto, isKeyframe, data }) => ({
      pts: dts + cto + shownLater,
      dts,
      size: data.length,
      isKeyframe,
    })),
  ).toEqual(packets.filter((packet) => trackId.startsWith('v') || (packet.pts ?? 0) >= 0))
  expect(samples.length).toBeGreaterThan(80)
}

/** mp4box reads durations and offsets where ffprobe derives them; it knows no edit lists. */
function expectSameFields(recording: Recording, trackId: string, boxed: ReturnType<typeof boxedSamples>): void {
  const samples = recording.of(trackId)
  expect(samples.map((sample) => [sample.cto, sample.duration ?? 0])).toEqual(
    boxed.slice(boxed.length - samples.length).map((sample) => [sample.cto, sample.duration]),
  )
}

for (const [name, args] of Object.entries(ENCODERS) as [keyof typeof ENCODERS, string][]) {
  describe(name, () => {
    let source = ''
    beforeAll(() => {
      source = bench.encode(`${name.replaceAll(' ', '-')}.mp4`, args)
    })

    test.each(FLAGS)('ffprobe and mp4box see the same samples with %s', (flags) => {
      const bytes = remux(source, flags)
      const file = bench.write('out.mp4', bytes)
      const recording = demux([bytes])
      expect(recording.error).toBeNull()
      expect(recording.repairs).toEqual([])
      expect(recording.known).toEqual([['v0', 'a0']])
      expectSamePackets(recording, 'v0', probePackets(file, 0))
      expectSamePackets(recording, 'a0', probePackets(file, 1))
      expectSameFields(recording, 'v0', boxedSamples(bytes, 1))
      expectSameFields(recording, 'a0', boxedSamples(bytes, 2))
    })

    test('the track is described before its first sample', () => {
      const recording = demux([remux(source, FLAGS[0] ?? '')])
      expect(recording.tracks).toHaveLength(2)
      const [videoCodec, audioCodec] = CODECS[name]
      const video = recording.tracks.find((track) => track.id === 'v0')
      expect(video?.clock).toEqual({ kind: 'media', ticksPerSec: 15360, wrapBits: null })
      expect(video?.config).toMatchObject({
        widthPx: 320,
        heightPx: 180,
        pixelAspect: { num: 1, den: 1 },
        frameRate: { num: 30, den: 1 },
        codecString: expect.stringMatching(videoCodec),
      })
      const audio = recording.tracks.find((track) => track.id === 'a0')
      expect(audio?.clock.ticksPerSec).toBe(48_000)
      expect(audio?.config).toMatchObject({
        channels: 1,
        language: 'und',
        codecString: expect.stringMatching(audioCodec),
      })
    })
  })
}

describe('what else encoders write', () => {
  let source = ''
  beforeAll(() => {
    source = bench.encode(
      'plain.mp4',
      '-c:v libx264 -preset veryfast -g 30 -bf 2 -c:a aac -metadata:s:a:0 language=ger',
    )
  })

  test('a plain MP4 is refused with the flag that helps', () => {
    const { error } = demux([readFileSync(source)])
    expect(error?.code).toBe('ingest_type_unsupported')
    expect(error?.message).toContain('+cmaf')
  })

  test('without empty_moov the first fragment has no moof: it is reported and the rest is delivered', () => {
    const recording = demux([remux(source, '-movflags +frag_keyframe')])
    expect(recording.error).toBeNull()
    expect(recording.repairs).toMatchObject([{ cause: 'sample_dropped', count: 30 + 45 }])
    expect(recording.of('v0')[0]).toMatchObject({ dts: 15360, isKeyframe: true })
    expect(recording.of('v0')).toHaveLength(60)
  })

  test('a bibliographic language code becomes a BCP 47 tag', () => {
    const recording = demux([remux(source, FLAGS[0] ?? '')])
    expect(recording.tracks.find((track) => track.id === 'a0')?.config).toMatchObject({ language: 'de' })
  })

  test('several audio tracks are numbered in the order of the container', () => {
    const bytes = remux(source, '-map 0:a -map 0:v -map 0:a -movflags +cmaf+frag_keyframe')
    const recording = demux([bytes])
    expect(recording.known).toEqual([['a0', 'v0', 'a1']])
    expect(recording.of('a1').length).toBe(recording.of('a0').length)
  })

  test('hev1 is delivered without the parameter sets that its record repeats', () => {
    const hevc = bench.encode(
      'hev1.mp4',
      '-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30:repeat-headers=1:aud=1 -tag:v hev1 -an',
    )
    const bytes = remux(hevc, FLAGS[0] ?? '')
    const recording = demux([bytes])
    expect(recording.tracks).toHaveLength(1)
    const raw = boxedSamples(bytes, 1)
    const types = recording.of('v0').map((sample) => ((sample.data[4] ?? 0) >> 1) & 0x3f)
    expect(recording.of('v0')).toHaveLength(raw.length)
    expect(types.filter((type) => type >= 32 && type <= 35)).toEqual([])
    expect(recording.of('v0')[0]?.data.length).toBeLessThan(raw[0]?.size ?? 0)
  })

  test('parameter sets that only the samples hold are found there', () => {
    const hevc = bench.encode(
      'hev1-empty.mp4',
      '-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30:repeat-headers=1 -tag:v hev1 -an',
    )
    const bytes = remux(hevc, FLAGS[0] ?? '')
    const whole = demux([bytes])
    bytes[bytes.indexOf('hvcC') + 4 + 22] = 0 // no arrays of parameter sets
    const recording = demux([bytes])
    expect(recording.error).toBeNull()
    expect(recording.tracks.map((track) => track.config)).toMatchObject([{ widthPx: 320, heightPx: 180 }])
    expect(recording.tracks[0]?.config.codecString).toBe(whole.tracks[0]?.config.codecString)
    expect(recording.samples).toEqual(whole.samples)
  })

  test('NAL lengths of two bytes become four', () => {
    const bytes = remux(source, FLAGS[0] ?? '')
    const init = Buffer.from(bytes.subarray(0, bytes.indexOf('moof') - 4))
    init[init.indexOf('avcC') + 4 + 4] = 0xfd
    const moof = box('moof', box('traf', box('tfhd', u32(0x28, 1, 512, 0)), box('trun', u32(0x200, 1, 6))))
    const recording = demux([init, moof, box('mdat', Uint8Array.of(0, 4, 0x65, 1, 2, 3))])
    expect(recording.error).toBeNull()
    expect([...(recording.of('v0')[0]?.data ?? [])]).toEqual([0, 0, 0, 4, 0x65, 1, 2, 3])
    expect(recording.tracks.find((track) => track.id === 'v0')?.config.configRecord[4]).toBe(0xff)
  })

  test('the sound description of QuickTime is understood', () => {
    const recording = demux([remux(source, '-movflags +frag_keyframe+empty_moov', 'mov')])
    expect(recording.error).toBeNull()
    expect(recording.tracks.find((track) => track.id === 'a0')?.config.codecString).toBe('mp4a.40.2')
    expect(recording.of('a0').length).toBeGreaterThan(100)
  })

  test('video codecs that cannot be carried are named', () => {
    const vp9 = bench.encode('vp9.mp4', '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -an -t 0.3')
    const { error } = demux([remux(vp9, FLAGS[0] ?? '')])
    expect(error?.code).toBe('ingest_codec_unsupported')
    expect(error?.message).toContain('vp09')
  })

  test('the same moov again changes nothing; another frame size is announced', () => {
    const bytes = remux(source, FLAGS[0] ?? '')
    const small = bench.encode('small.mp4', '-vf scale=160:90 -c:v libx264 -preset veryfast -g 30 -bf 2 -c:a aac')
    const other = remux(small, FLAGS[0] ?? '')
    const recording = demux([bytes, bytes, other])
    expect(recording.error).toBeNull()
    expect(recording.known).toHaveLength(1)
    expect(recording.tracks.filter((track) => track.id === 'v0').map((track) => track.config)).toMatchObject([
      { widthPx: 320 },
      { widthPx: 160 },
    ])
    expect(recording.of('v0')).toHaveLength(270)
  })
})

describe('damage', () => {
  let bytes: Buffer
  let whole: Recording
  beforeAll(() => {
    const source = bench.encode('damage.mp4', '-c:v libx264 -preset veryfast -g 15 -bf 2 -c:a aac -t 1')
    bytes = remux(source, '-frag_duration 200000 -movflags +cmaf')
    whole = demux([bytes])
  })

  test('chunk borders change nothing', () => {
    expect(demux(inPieces(bytes, [1]))).toEqual(whole)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(demux(inPieces(bytes, sizes))).toEqual(whole)
      }),
      { numRuns: 30 },
    )
  })

  test('a moof before the moov asks for the header', () => {
    const { error } = demux([bytes.subarray(bytes.indexOf('moof') - 4)])
    expect(error?.code).toBe('ingest_init_missing')
  })

  test('media before any description is refused', () => {
    const { error } = demux([bytes.subarray(bytes.indexOf('mdat') - 4)])
    expect(error?.code).toBe('ingest_type_unsupported')
  })

  test('an input that stops inside a fragment is truncated, and what came before is delivered', () => {
    const cut = demux([bytes.subarray(0, bytes.lastIndexOf('mdat') + 40)])
    expect(cut.error?.code).toBe('ingest_truncated')
    expect(cut.samples.length).toBeGreaterThan(0)
    expect(cut.samples).toEqual(whole.samples.slice(0, cut.samples.length))
    expect(demux([bytes.subarray(0, bytes.lastIndexOf('mdat') - 4)]).error?.code).toBe('ingest_truncated')
  })

  test('a cut mfra is no truncation', () => {
    const mfra = bytes.indexOf('mfra')
    expect(mfra).toBeGreaterThan(0)
    expect(demux([bytes.subarray(0, mfra + 20)]).error).toBeNull()
  })

  test('a sample that reaches outside its mdat is refused', () => {
    const broken = Buffer.from(bytes)
    const trun = broken.indexOf('trun')
    broken.writeUInt32BE(0x7fff_ffff, trun + 20)
    expect(demux([broken]).error?.code).toBe('ingest_malformed')
  })

  test('a run of more than 10,000 samples is refused', () => {
    const broken = Buffer.from(bytes)
    broken.writeUInt32BE(10_001, broken.indexOf('trun') + 8)
    expect(demux([broken]).error?.message).toContain('10001')
  })

  test('a decode time beyond 2^53 is refused', () => {
    const broken = Buffer.from(bytes)
    broken.fill(0xff, broken.indexOf('tfdt') + 8, broken.indexOf('tfdt') + 16)
    expect(demux([broken]).error?.code).toBe('ingest_malformed')
  })

  test('fragments without samples or without bytes are reported and passed over', () => {
    const init = bytes.subarray(0, bytes.indexOf('moof') - 4)
    const empty = Buffer.concat([box('moof', box('mfhd', Buffer.alloc(8))), box('mdat')])
    const noBytes = Buffer.concat([
      box('moof', box('traf', box('tfhd', u32(0x02_0000, 1)), box('trun', u32(0x201, 2, 100, 0, 0)))),
      box('mdat'),
    ])
    const recording = demux([init, empty, noBytes, bytes.subarray(init.length)])
    expect(recording.error).toBeNull()
    expect(recording.repairs.map((repair) => [repair.cause, repair.trackId, repair.count])).toEqual([
      ['corrupt_sample', null, 1],
      ['corrupt_sample', 'v0', 2],
    ])
    expect(recording.samples).toEqual(whole.samples)
  })

  test('runs without data offsets follow each other', () => {
    const init = bytes.subarray(0, bytes.indexOf('moof') - 4)
    const moof = box(
      'moof',
      box('traf', box('tfhd', u32(0x08, 2, 1024)), box('trun', u32(0x200, 2, 3, 4)), box('trun', u32(0x200, 1, 5))),
    )
    const recording = demux([init, moof, box('free'), box('mdat', Buffer.from('aaabbbbccccc'))])
    expect(recording.of('a0').map((sample) => [sample.dts, Buffer.from(sample.data).toString()])).toEqual([
      [0, 'aaa'],
      [1024, 'bbbb'],
      [2048, 'ccccc'],
    ])
  })

  test('garbage ends in a named error, never in a crash, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat({ max: bytes.length - 1 }), value: fc.nat({ max: 255 }) }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
        (mutations, sizes) => {
          const broken = Buffer.from(bytes)
          // Half of the mutations hit headers, where they do most harm.
          for (const { at, value } of mutations) broken[value % 2 === 0 ? at : at % 2500] = value
          expect(demux(inPieces(broken, sizes))).toEqual(demux([broken]))
        },
      ),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        demux([noise])
        demux([box('moov', Buffer.from(noise)), box('moof', Buffer.from(noise))])
      }),
    )
  })
})

function box(type: string, ...payload: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(payload)
  return Buffer.concat([u32(8 + body.length), Buffer.from(type), body])
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i)
  })
  return bytes
}
