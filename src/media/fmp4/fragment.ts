// One part of one track: `moof` (ISO/IEC 14496-12 8.8.4) and `mdat`, written straight into the caller's buffer, so that
// media bytes are copied once, from the input into the part. The bytes depend on the fragment alone.
import { strict as assert } from 'node:assert'
import { TRACK_ID } from './init-segment.ts'

export interface FragmentSample {
  /** In ticks of the track, up to 2^32 - 1. */
  readonly duration: number
  /** Presentation minus decode time in ticks; may be negative. */
  readonly cto: number
  readonly isKeyframe: boolean
  readonly data: Uint8Array
}

export interface Fragment {
  readonly kind: 'video' | 'audio'
  readonly sequenceNumber: number
  /** Decode time of the first sample in ticks of the track, up to 2^53. */
  readonly baseDecodeTime: number
  readonly samples: readonly FragmentSample[]
}

// tfhd flags, 8.8.7
const DEFAULT_DURATION = 0x08
const DEFAULT_SIZE = 0x10
const DEFAULT_FLAGS = 0x20
const DEFAULT_BASE_IS_MOOF = 0x020000
// trun flags, 8.8.8
const DATA_OFFSET = 0x001
const FIRST_SAMPLE_FLAGS = 0x004
const SAMPLE_DURATION = 0x100
const SAMPLE_SIZE = 0x200
const SAMPLE_FLAGS = 0x400
const SAMPLE_CTO = 0x800
// sample flags, 8.8.3.1
const FLAGS_SYNC = 0x0200_0000 // depends on no other sample
const FLAGS_NON_SYNC = 0x0101_0000 // depends on others; no sync sample

const MFHD_BYTES = 16
const TFDT_BYTES = 20

interface Layout {
  readonly tfhdFlags: number
  readonly trunFlags: number
  readonly moofBytes: number
  readonly mdatBytes: number
}

/** Bytes that `writeFragmentInto` will write. */
export function fragmentSize(fragment: Fragment): number {
  const { moofBytes, mdatBytes } = layOut(fragment)
  return moofBytes + mdatBytes
}

/** Writes `moof` and `mdat` at `offset` and returns the offset behind them. `target` must have `fragmentSize` bytes left. */
export function writeFragmentInto(fragment: Fragment, target: Uint8Array, offset: number): number {
  const { tfhdFlags, trunFlags, moofBytes, mdatBytes } = layOut(fragment)
  const end = offset + moofBytes + mdatBytes
  assert(end <= target.length, 'the target is too small for the fragment')
  const { samples } = fragment
  const first = samples[0]
  assert(first !== undefined)
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
  let at = offset
  const put = (value: number): void => {
    view.setUint32(at, value)
    at += 4
  }

  put(moofBytes)
  put(0x6d6f6f66) // moof
  put(MFHD_BYTES)
  put(0x6d666864) // mfhd
  put(0)
  put(fragment.sequenceNumber)

  put(moofBytes - 8 - MFHD_BYTES)
  put(0x74726166) // traf
  put(tfhdBytes(tfhdFlags))
  put(0x74666864) // tfhd
  put(tfhdFlags)
  put(TRACK_ID)
  if (tfhdFlags & DEFAULT_DURATION) put(first.duration)
  if (tfhdFlags & DEFAULT_SIZE) put(first.data.length)
  // With first-sample-flags the default speaks for all the others, which are equal.
  if (tfhdFlags & DEFAULT_FLAGS) put(sampleFlags(fragment, samples[samples.length - 1] ?? first))

  put(TFDT_BYTES)
  put(0x74666474) // tfdt
  put(0x0100_0000)
  put(Math.floor(fragment.baseDecodeTime / 0x1_0000_0000))
  put(fragment.baseDecodeTime % 0x1_0000_0000)

  put(trunBytes(trunFlags, samples.length))
  put(0x7472756e) // trun
  put(0x0100_0000 | trunFlags)
  put(samples.length)
  put(moofBytes + 8) // data offset from the start of moof
  if (trunFlags & FIRST_SAMPLE_FLAGS) put(sampleFlags(fragment, first))
  for (const sample of samples) {
    if (trunFlags & SAMPLE_DURATION) put(sample.duration)
    if (trunFlags & SAMPLE_SIZE) put(sample.data.length)
    if (trunFlags & SAMPLE_FLAGS) put(sampleFlags(fragment, sample))
    if (trunFlags & SAMPLE_CTO) put(sample.cto) // two's complement
  }

  put(mdatBytes)
  put(0x6d646174) // mdat
  for (const sample of samples) {
    target.set(sample.data, at)
    at += sample.data.length
  }
  return at
}

/** What all samples share goes into `tfhd`; only what differs is written per sample. */
function layOut(fragment: Fragment): Layout {
  const { samples } = fragment
  const first = samples[0]
  const second = samples[1] ?? first
  assert(first !== undefined && second !== undefined, 'a fragment has at least one sample')
  assert(Number.isSafeInteger(fragment.baseDecodeTime) && fragment.baseDecodeTime >= 0, 'baseDecodeTime out of range')

  let sameDuration = true
  let sameSize = true
  let sameFlagsAfterFirst = true
  let hasCto = false
  let payloadBytes = 0
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? first
    assert(isU32(sample.duration), 'sample duration out of range')
    assert((sample.cto | 0) === sample.cto, 'composition offset out of range')
    if (sample.duration !== first.duration) sameDuration = false
    if (sample.data.length !== first.data.length) sameSize = false
    if (i > 0 && sample.isKeyframe !== second.isKeyframe) sameFlagsAfterFirst = false
    if (sample.cto !== 0) hasCto = true
    payloadBytes += sample.data.length
  }
  const sameFlags = fragment.kind === 'audio' || sameFlagsAfterFirst
  const firstDiffers = fragment.kind === 'video' && first.isKeyframe !== second.isKeyframe

  const tfhdFlags =
    DEFAULT_BASE_IS_MOOF |
    (sameDuration ? DEFAULT_DURATION : 0) |
    (sameSize ? DEFAULT_SIZE : 0) |
    (sameFlags ? DEFAULT_FLAGS : 0)
  const trunFlags =
    DATA_OFFSET |
    (sameDuration ? 0 : SAMPLE_DURATION) |
    (sameSize ? 0 : SAMPLE_SIZE) |
    (sameFlags ? (firstDiffers ? FIRST_SAMPLE_FLAGS : 0) : SAMPLE_FLAGS) |
    (hasCto ? SAMPLE_CTO : 0)
  const trafBytes = 8 + tfhdBytes(tfhdFlags) + TFDT_BYTES + trunBytes(trunFlags, samples.length)
  const mdatBytes = 8 + payloadBytes
  assert(isU32(mdatBytes), 'a fragment stays below 4 GiB')
  return { tfhdFlags, trunFlags, moofBytes: 8 + MFHD_BYTES + trafBytes, mdatBytes }
}

function tfhdBytes(flags: number): number {
  return 16 + 4 * (bit(flags, DEFAULT_DURATION) + bit(flags, DEFAULT_SIZE) + bit(flags, DEFAULT_FLAGS))
}

function trunBytes(flags: number, samples: number): number {
  const perSample =
    bit(flags, SAMPLE_DURATION) + bit(flags, SAMPLE_SIZE) + bit(flags, SAMPLE_FLAGS) + bit(flags, SAMPLE_CTO)
  return 20 + 4 * bit(flags, FIRST_SAMPLE_FLAGS) + 4 * perSample * samples
}

/** Every audio frame is a sync sample, whatever the input called it. */
function sampleFlags(fragment: Fragment, sample: FragmentSample): number {
  return fragment.kind === 'audio' || sample.isKeyframe ? FLAGS_SYNC : FLAGS_NON_SYNC
}

function bit(flags: number, flag: number): 0 | 1 {
  return (flags & flag) === 0 ? 0 : 1
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
}
