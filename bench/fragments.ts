// A CMAF file taken apart into what is sent at one moment: a `moof` whose decode times can be rewritten, and its `mdat`.
import { FRAMES_PER_SEC, LOOP_SEC } from './source-media.ts'

export interface Fragment {
  /** `moof` and `mdat` as they are in the file. */
  readonly moof: Buffer
  readonly mdat: Buffer
  readonly decodeTimes: readonly {
    /** Position of the 64-bit decode time in `moof`. */
    readonly offset: number
    readonly ticks: number
    readonly timescale: number
  }[]
  /** When an encoder would have it: where its last frame ends, in seconds from the beginning of the loop. */
  readonly readySec: number
}

export interface FragmentedFile {
  /** `ftyp` and `moov`. */
  readonly header: Buffer
  readonly fragments: readonly Fragment[]
}

const AUDIO_FRAME_TICKS = 1024

export function readFragments(file: Buffer): FragmentedFile {
  const headers: Buffer[] = []
  const fragments: Fragment[] = []
  const timescales = new Map<number, number>()
  let readySec = 0
  let moof: Buffer | null = null
  for (const box of boxesOf(file, 0, file.length)) {
    const bytes = file.subarray(box.start, box.end)
    if (box.type === 'ftyp' || box.type === 'moov') headers.push(bytes)
    if (box.type === 'moov') readTimescales(file, box, timescales)
    if (box.type === 'moof') moof = bytes
    if (box.type !== 'mdat' || moof === null) continue
    const decodeTimes = decodeTimesOf(moof, timescales)
    // The encoder's last audio frame reaches beyond the loop.
    if (decodeTimes.every(({ ticks, timescale }) => ticks / timescale >= LOOP_SEC)) continue
    const ends = decodeTimes.map(({ ticks, timescale, isAudio }) => {
      return ticks / timescale + (isAudio ? AUDIO_FRAME_TICKS / timescale : 1 / FRAMES_PER_SEC)
    })
    readySec = Math.max(readySec, ...ends)
    fragments.push({ moof, mdat: bytes, decodeTimes, readySec })
  }
  if (headers.length < 2 || fragments.length === 0) throw new Error('the source is not a fragmented MP4 file')
  return { header: Buffer.concat(headers), fragments }
}

interface Box {
  readonly type: string
  readonly start: number
  readonly body: number
  readonly end: number
}

function boxesOf(bytes: Buffer, from: number, to: number): readonly Box[] {
  const boxes: Box[] = []
  for (let at = from; at + 8 <= to; ) {
    const size = bytes.readUInt32BE(at)
    if (size < 8 || at + size > to) throw new Error('the source has a box of impossible size')
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), start: at, body: at + 8, end: at + size })
    at += size
  }
  return boxes
}

function inside(bytes: Buffer, parent: Box, type: string): Box {
  const found = boxesOf(bytes, parent.body, parent.end).find((box) => box.type === type)
  if (found === undefined) throw new Error(`the source has no "${type}" in "${parent.type}"`)
  return found
}

function readTimescales(bytes: Buffer, moov: Box, timescales: Map<number, number>): void {
  for (const trak of boxesOf(bytes, moov.body, moov.end).filter((box) => box.type === 'trak')) {
    const tkhd = inside(bytes, trak, 'tkhd')
    const mdhd = inside(bytes, inside(bytes, trak, 'mdia'), 'mdhd')
    // ISO/IEC 14496-12 8.3.2, 8.4.2: two times of 32 or, in version 1, 64 bits come first.
    const idAt = tkhd.body + (bytes[tkhd.body] === 1 ? 20 : 12)
    const timescaleAt = mdhd.body + (bytes[mdhd.body] === 1 ? 20 : 12)
    timescales.set(bytes.readUInt32BE(idAt), bytes.readUInt32BE(timescaleAt))
  }
}

function decodeTimesOf(moof: Buffer, timescales: ReadonlyMap<number, number>) {
  const [root] = boxesOf(moof, 0, moof.length)
  if (root === undefined) return []
  return boxesOf(moof, root.body, root.end)
    .filter((box) => box.type === 'traf')
    .map((traf) => {
      const tfhd = inside(moof, traf, 'tfhd')
      const tfdt = inside(moof, traf, 'tfdt')
      if (moof[tfdt.body] !== 1) throw new Error('the source has decode times of 32 bits')
      const trackId = moof.readUInt32BE(tfhd.body + 4)
      const timescale = timescales.get(trackId) ?? 1
      const offset = tfdt.body + 4
      // ffmpeg gives video a multiple of its frame rate as timescale; audio has its sample rate.
      const isAudio = timescale === 48_000
      return { offset, timescale, isAudio, ticks: Number(moof.readBigUInt64BE(offset)) }
    })
}
