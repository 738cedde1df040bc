import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { DemuxRecorder, demuxInChunks } from '../../../test/support/demux-recorder.ts'
import { ffprobe, makeFixture, makeFixtureFile, type Probed, testInputs } from '../../../test/support/fixtures.ts'
import { isMirrorError } from '../../core/errors.ts'
import type { AudioConfig, DemuxSink, VideoConfig } from '../samples.ts'
import { crc32Mpeg } from './section-reader.ts'
import { TsDemuxer } from './ts-demuxer.ts'

const create = (sink: DemuxSink) => new TsDemuxer(sink)
const demux = (bytes: Uint8Array, chunkBytes?: readonly number[]) => demuxInChunks(create, bytes, chunkBytes)

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly video?: Partial<VideoConfig>
  readonly audio?: Partial<AudioConfig>
}

const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25']
const aac = ['-c:a', 'aac', '-b:a', '96k']

const cases: readonly Case[] = [
  {
    name: 'H.264 without B-frames, AAC mono 48 kHz',
    args: [...testInputs({ seconds: 3 }), ...x264, '-tune', 'zerolatency', ...aac, '-ac', '1', '-f', 'mpegts'],
    video: { codec: 'h264', codecString: 'avc1.42c00c', widthPx: 320, heightPx: 180, frameRate: { num: 25, den: 1 } },
    audio: { codecString: 'mp4a.40.2', sampleRateHz: 48_000, channels: 1, samplesPerFrame: 1024, language: 'und' },
  },
  {
    name: 'H.264 High with B-frames at 29.97, AAC stereo 44.1 kHz with a language',
    args: [
      ...testInputs({ seconds: 3, rate: '30000/1001', audioRate: 44_100 }),
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '30', '-pix_fmt', 'yuv420p', '-aspect', '4:3'],
      ...[...aac, '-ac', '2', '-metadata:s:a:0', 'language=deu', '-f', 'mpegts'],
    ],
    video: {
      codecString: 'avc1.64000d',
      frameRate: { num: 30000, den: 1001 },
      pixelAspect: { num: 3, den: 4 },
    },
    audio: { sampleRateHz: 44_100, channels: 2, language: 'de' },
  },
  {
    name: 'HEVC 8 bit, AAC stereo',
    args: [
      ...testInputs({ seconds: 3 }),
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'keyint=25:log-level=none', '-pix_fmt', 'yuv420p'],
      ...[...aac, '-ac', '2', '-f', 'mpegts'],
    ],
    video: {
      codec: 'hevc',
      codecString: 'hvc1.1.6.L60.90',
      widthPx: 320,
      heightPx: 180,
      frameRate: { num: 25, den: 1 },
    },
    audio: { channels: 2 },
  },
  {
    name: 'HEVC 10 bit, Opus',
    args: [
      ...testInputs({ seconds: 2 }),
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'keyint=25:log-level=none'],
      ...['-pix_fmt', 'yuv420p10le', '-c:a', 'libopus', '-ac', '2', '-f', 'mpegts'],
    ],
    video: { codec: 'hevc', codecString: 'hvc1.2.4.L60.90' },
    audio: { codec: 'opus', codecString: 'opus', sampleRateHz: 48_000, channels: 2, samplesPerFrame: 960 },
  },
]

describe.each(cases)('$name', ({ name, args, video, audio }) => {
  const file = `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.ts`
  let bytes: Uint8Array
  let probed: Probed
  beforeAll(async () => {
    bytes = await makeFixture(args, file)
    probed = await ffprobe(await makeFixtureFile(args, file))
  }, 60_000)

  test('times, keyframes and counts are those of ffprobe', () => {
    const found = demux(bytes)
    expect(found.repairs).toEqual([])
    expect(found.known).toEqual([['v0', 'a0']])
    for (const [trackId, kind] of [['v0', 'video'] as const, ['a0', 'audio'] as const]) {
      const packets = probed.packets.filter((packet) => packet.codec_type === kind)
      const samples = found.of(trackId)
      // Where a frame is no whole number of ticks ffprobe rounds down, so audio may differ by one.
      const tolerance = kind === 'audio' ? 1 : 0
      expect(samples).toHaveLength(packets.length)
      for (const [index, { dts, pts }] of packets.entries()) {
        const sample = samples[index]!
        expect(Math.abs(sample.dts - dts)).toBeLessThanOrEqual(tolerance)
        expect(Math.abs(sample.dts + sample.cto - pts)).toBeLessThanOrEqual(tolerance)
      }
      expect(samples.map(({ isKeyframe }) => isKeyframe)).toEqual(packets.map(({ flags }) => flags.startsWith('K')))
    }
  })

  test('the configuration is that of ffprobe', () => {
    const found = demux(bytes)
    expect(found.tracks.map(({ id }) => id).sort()).toEqual(['a0', 'v0'])
    expect(found.config('v0')).toMatchObject(video ?? {})
    expect(found.config('a0')).toMatchObject(audio ?? {})
    const probedVideo = probed.streams.find(({ codec_type }) => codec_type === 'video')
    expect(found.config('v0')).toMatchObject({ widthPx: probedVideo?.width, heightPx: probedVideo?.height })
    if (probedVideo?.codec_name === 'h264') {
      expect(found.config('v0')).toMatchObject({
        codecString: expect.stringMatching(new RegExp(`${probedVideo.level?.toString(16).padStart(2, '0')}$`)),
      })
    } else {
      expect(found.config('v0')).toMatchObject({ codecString: expect.stringContaining(`.L${probedVideo?.level}.`) })
    }
    const probedAudio = probed.streams.find(({ codec_type }) => codec_type === 'audio')
    expect(found.config('a0')).toMatchObject({
      sampleRateHz: Number(probedAudio?.sample_rate),
      channels: probedAudio?.channels,
    })
  })

  test('any cut of the chunks yields the same', () => {
    const whole = demux(bytes, [bytes.length])
    for (const chunks of [[188], [1316], [187, 189, 1, 3], [564, 100_000, 7], [4096]]) {
      const cut = demux(bytes, chunks)
      expect(cut.samples).toEqual(whole.samples)
      expect(cut.tracks).toEqual(whole.tracks)
    }
  })
})

describe('a damaged stream', () => {
  const args = cases[0]!.args
  let bytes: Uint8Array
  beforeAll(async () => {
    bytes = await makeFixture(args, 'damaged.ts')
  }, 60_000)

  const pidOf = (at: number) => ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!
  const without = (start: number, end: number) => Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  /** Offset of the last packet of the n-th PES packet of a PID. */
  const lastPacketOf = (pid: number, nth: number) => {
    let units = 0
    let last = -1
    for (let at = 0; at < bytes.length; at += 188) {
      if (pidOf(at) !== pid) continue
      if ((bytes[at + 1]! & 0x40) !== 0) units += 1
      if (units > nth) return last
      last = at
    }
    throw new Error('no such packet')
  }

  test('a lost packet costs its PES packet and is counted', () => {
    const at = lastPacketOf(0x100, 5)
    const found = demux(without(at, at + 188))
    expect(found.repairs.map(({ cause, trackId, count }) => [cause, trackId, count])).toEqual([
      ['ts_packet_lost', 'v0', 1],
      ['ts_corrupt_pes', 'v0', 1],
    ])
    expect(found.of('v0')).toHaveLength(74)
    expect(found.of('a0')).toEqual(demux(bytes).of('a0'))
  })

  test('a repeated packet changes nothing', () => {
    const at = lastPacketOf(0x100, 5)
    const repeated = Buffer.concat([bytes.subarray(0, at + 188), bytes.subarray(at)])
    const found = demux(repeated)
    expect(found.repairs).toEqual([])
    expect(found.samples).toEqual(demux(bytes).samples)
  })

  test('garbage between packets costs nothing but a repair', () => {
    const at = 188 * 40
    const garbage = new Uint8Array(1000).fill(0x11)
    const spoiled = Buffer.concat([bytes.subarray(0, at), garbage, bytes.subarray(at)])
    for (const chunks of [[65_536], [1], [500]]) {
      const found = demux(spoiled, chunks)
      expect(found.repairs).toEqual([
        expect.objectContaining({ cause: 'ts_sync_lost', detail: '1000 bytes without MPEG-TS packets were skipped' }),
      ])
      expect(found.samples).toEqual(demux(bytes).samples)
    }
  })

  test('a stream joined in the middle begins with a keyframe, and tells of the pictures before it', () => {
    const late = bytes.subarray(188 * 100 + 77)
    const found = demux(late)
    const video = found.of('v0')
    expect(video[0]?.isKeyframe).toBe(true)
    expect(video.length).toBeGreaterThan(20)
    expect(found.keyframesAwaited.length).toBeGreaterThan(5)
    expect(new Set(found.keyframesAwaited)).toEqual(new Set(['v0']))
  })

  test('64 KiB that never were MPEG-TS are refused', () => {
    expect(failure(() => demux(new Uint8Array(65_537).fill(1)))).toBe('ingest_malformed')
    expect(failure(() => demux(new Uint8Array(10).fill(1)))).toBe('ingest_malformed')
  })

  test('1 MiB without sync ends the input', () => {
    const lost = Buffer.concat([bytes.subarray(0, 1880), new Uint8Array(2 ** 20 + 1).fill(1)])
    expect(failure(() => demux(lost))).toBe('ingest_malformed')
  })

  test('a PES packet beyond 16 MiB is refused', () => {
    const start = bytes.slice(0, 188 * 3)
    const recorder = new DemuxRecorder()
    const demuxer = new TsDemuxer(recorder)
    demuxer.push(start)
    const first = pesPacket(0x100, 0, [0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0])
    demuxer.push(first)
    expect(
      failure(() => {
        for (let index = 1; index < 100_000; index += 1) demuxer.push(pesPacket(0x100, index, null))
      }),
    ).toBe('ingest_fragment_too_large')
  }, 30_000)

  test('whatever is thrown at it, it fails by name or not at all', () => {
    const short = bytes.subarray(0, 188 * 120)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(short.length - 1), fc.nat(255)), { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
        (mutations, chunks) => {
          const mutated = short.slice()
          for (const [at, value] of mutations) mutated[at] = value
          const results = [chunks, [short.length]].map((cut) => outcome(() => demux(mutated, cut)))
          expect(results[0]).toEqual(results[1])
        },
      ),
      { numRuns: 150 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (random) => {
        const packets = random.slice()
        for (let at = 0; at < packets.length; at += 188) packets[at] = 0x47
        outcome(() => demux(packets))
        outcome(() => demux(random))
      }),
      { numRuns: 200 },
    )
  })
})

describe('tables', () => {
  test('a program without any supported stream is refused, naming the types', () => {
    const stream = Buffer.concat([tablePacket(0, pat()), tablePacket(0x1000, pmt([[0x02, 0x100]])), nullPacket()])
    const recorder = new DemuxRecorder()
    const demuxer = new TsDemuxer(recorder)
    expect(() => demuxer.push(stream)).toThrow(/0x02/)
    expect(failure(() => new TsDemuxer(recorder).push(stream))).toBe('ingest_codec_unsupported')
  })

  test('unsupported streams beside supported ones are left out, once and by name', () => {
    const streams: [number, number][] = [
      [0x81, 0x101],
      [0x0f, 0x102],
      [0x1b, 0x103],
      [0x0f, 0x104],
    ]
    const again = streams.toReversed()
    const found = demux(
      Buffer.concat([
        ...[tablePacket(0, pat()), tablePacket(0x1000, pmt(streams))],
        ...[tablePacket(0x1000, pmt(again), 1), nullPacket()],
      ]),
    )
    expect(found.known).toEqual([['v0', 'a0', 'a1']])
    expect(found.repairs).toEqual([
      {
        cause: 'track_unsupported',
        trackId: null,
        count: 1,
        detail: 'Left out: AC-3 (0x81) on PID 257 (not supported)',
      },
    ])
  })

  test('a section with a wrong CRC is not believed', () => {
    const damaged = pmt([[0x1b, 0x100]])
    damaged[9] = (damaged[9] ?? 0) ^ 1
    const found = demux(Buffer.concat([tablePacket(0, pat()), tablePacket(0x1000, damaged), nullPacket()]))
    expect(found.known).toEqual([])
  })
})

describe('audio frames', () => {
  const rateHz = 44_100
  const tables = () => [tablePacket(0, pat()), tablePacket(0x1000, pmt([[0x0f, 0x101]]))]

  test('frames that span PES packets are carried over, with times counted in samples', () => {
    const frames = [300, 250, 280, 260].map((size, index) => adtsFrame(size, index))
    const all = Buffer.concat(frames)
    // The cut lies inside the second frame; the PTS of the second PES packet belongs to the third.
    const first = pesPackets(0x101, 0, pes(900_000, all.subarray(0, 400)))
    const second = pesPackets(0x101, first.length, pes(905_000, all.subarray(400)))
    const found = demux(Buffer.concat([...tables(), ...first, ...second]))
    expect(found.repairs).toEqual([])
    expect(found.samples.map(({ dts, data }) => [dts, data.length])).toEqual([
      [900_000, 293],
      [900_000 + Math.round((1024 * 90_000) / rateHz), 243],
      [905_000, 273],
      [905_000 + Math.round((1024 * 90_000) / rateHz), 253],
    ])
  })

  test('frames before a lost packet are kept, the clock goes on with the next PES packet', () => {
    const body = Buffer.concat([300, 300, 300, 300].map((size, index) => adtsFrame(size, index)))
    const packets = pesPackets(0x101, 0, pes(900_000, body))
    const next = pesPackets(0x101, packets.length, pes(990_000, adtsFrame(200, 9)))
    const lost = packets.toSpliced(4, 1) // within the third frame
    const found = demux(Buffer.concat([...tables(), ...lost, ...next]))
    expect(found.samples.map(({ dts, data }) => [dts, data.length])).toEqual([
      [900_000, 293],
      [900_000 + Math.round((1024 * 90_000) / rateHz), 293],
      [990_000, 193],
    ])
    expect(found.repairs.map(({ cause, count }) => [cause, count])).toEqual([
      ['ts_packet_lost', 1],
      ['ts_corrupt_pes', 1],
    ])
    const headless = demux(Buffer.concat([...tables(), ...packets.toSpliced(0, 1), ...next]))
    expect(headless.samples.map(({ dts }) => dts)).toEqual([990_000])
  })

  test('a PES packet of known length does not wait for the next one', () => {
    const recorder = new DemuxRecorder()
    const demuxer = new TsDemuxer(recorder)
    const last = pesPackets(0x101, 0, pes(90_000, adtsFrame(400, 1)))
    demuxer.push(Buffer.concat([...tables(), ...last]))
    expect(recorder.samples.map(({ dts }) => dts)).toEqual([90_000])
  })

  test('the clock wraps at 33 bits', () => {
    const packets = pesPackets(0x101, 0, pes(2 ** 33 - 1, Buffer.concat([adtsFrame(100, 1), adtsFrame(100, 2)])))
    const found = demux(Buffer.concat([...tables(), ...packets]))
    expect(found.samples.map(({ dts }) => dts)).toEqual([2 ** 33 - 1, 2089])
  })

  test('bytes between frames are skipped and reported', () => {
    const junk = Buffer.from([1, 2, 3, 0xff, 0x01])
    const body = Buffer.concat([adtsFrame(100, 1), adtsFrame(100, 2), junk, adtsFrame(100, 3)])
    const found = demux(Buffer.concat([...tables(), ...pesPackets(0x101, 0, pes(0, body))]))
    expect(found.samples).toHaveLength(3)
    expect(found.repairs).toEqual([
      { cause: 'corrupt_sample', trackId: 'a0', count: 1, detail: '5 bytes between ADTS frames were skipped' },
    ])
  })
})

function failure(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isMirrorError(error)) return error.code
    throw error
  }
  return 'none'
}

function outcome(action: () => DemuxRecorder): unknown {
  try {
    const { tracks, samples, repairs, known } = action()
    return { tracks, samples, repairs, known }
  } catch (error) {
    if (!isMirrorError(error)) throw error
    return error.code
  }
}

function section(tableId: number, body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(3 + body.length + 4)
  bytes.set([tableId, 0xb0 | ((body.length + 4) >>> 8), (body.length + 4) & 0xff, ...body])
  new DataView(bytes.buffer).setUint32(3 + body.length, crc32Mpeg(bytes.subarray(0, 3 + body.length)))
  return bytes
}

function pat(): Uint8Array {
  return section(0, [0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | 0x10, 0])
}

function pmt(streams: readonly (readonly [number, number])[]): Uint8Array {
  const entries = streams.flatMap(([type, pid]) => [type, 0xe0 | (pid >>> 8), pid & 0xff, 0xf0, 0])
  return section(2, [0, 1, 0xc1, 0, 0, 0xff, 0xff, 0xf0, 0, ...entries])
}

function tablePacket(pid: number, bytes: Uint8Array, counter = 0): Uint8Array {
  const packet = new Uint8Array(188).fill(0xff)
  packet.set([0x47, 0x40 | (pid >>> 8), pid & 0xff, 0x10 | counter, 0])
  packet.set(bytes, 5)
  return packet
}

function nullPacket(): Uint8Array {
  const packet = new Uint8Array(188)
  packet.set([0x47, 0x1f, 0xff, 0x10])
  return packet
}

function pesPacket(pid: number, counter: number, start: readonly number[] | null): Uint8Array {
  const packet = new Uint8Array(188).fill(0x55)
  packet.set([0x47, (start === null ? 0 : 0x40) | (pid >>> 8), pid & 0xff, 0x10 | (counter & 15), ...(start ?? [])])
  return packet
}

function pes(pts: number, payload: Uint8Array): Uint8Array {
  const high = Math.floor(pts / 2 ** 30)
  const time = [
    0x21 | (high << 1),
    (pts >>> 22) & 0xff,
    ((pts >>> 14) & 0xff) | 1,
    (pts >>> 7) & 0xff,
    ((pts << 1) & 0xff) | 1,
  ]
  const length = 8 + payload.length
  return Buffer.concat([Buffer.from([0, 0, 1, 0xc0, length >>> 8, length & 0xff, 0x80, 0x80, 5, ...time]), payload])
}

function pesPackets(pid: number, firstCounter: number, bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + 184)
    const stuffing = 184 - part.length
    const packet = new Uint8Array(188).fill(0xff)
    const start = at === 0 ? 0x40 : 0
    packet.set([
      0x47,
      start | (pid >>> 8),
      pid & 0xff,
      (stuffing > 0 ? 0x30 : 0x10) | ((firstCounter + packets.length) & 15),
    ])
    if (stuffing > 0) packet[4] = stuffing - 1
    if (stuffing > 1) packet[5] = 0
    packet.set(part, 4 + stuffing)
    packets.push(packet)
    at += part.length
  }
  return packets
}

/** AAC-LC, 44.1 kHz, stereo, with a body that holds no sync word. */
function adtsFrame(sizeBytes: number, fill: number): Uint8Array {
  const frame = Buffer.alloc(sizeBytes, fill)
  frame.set([
    0xff,
    0xf1,
    0x50,
    0x80 | (sizeBytes >>> 11),
    (sizeBytes >>> 3) & 0xff,
    ((sizeBytes & 7) << 5) | 0x1f,
    0xfc,
  ])
  return frame
}
