// Makes an asset playable: its tracks become packs and indexes like those of a recorded stream, so that whatever plays
// recordings plays assets.
import { isMirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import type { RenditionLabel } from '../../hls/rendition.ts'
import type { TrackPath } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { IndexStore } from '../index-store.ts'
import type { SealedPack } from '../spool/spool.ts'
import { storeInit, storePack } from '../store-pack.ts'
import { VodSource } from './vod-source.ts'
import { packText, type VodText } from './vod-text.ts'
import { VodTrack } from './vod-track.ts'

/** Bumped when the same files become other segments. */
export const VOD_FORMAT = 1

export interface VodFile {
  /** Of its sound, in the order of its tracks; that of further files is left, it is that of the first. */
  readonly audio: readonly RenditionLabel[]
  /** Gives the file as fragmented MP4, waiting for each piece to be taken. */
  readonly read: (take: (bytes: Uint8Array) => Promise<void>) => Promise<void>
}

export interface Vod {
  /** Of `assetStreamId`. */
  readonly stream: Omit<TrackPath, 'trackId'>
  readonly cell: Rational
  /** Best first, all with keyframes at the same places. */
  readonly files: readonly VodFile[]
  readonly texts: readonly VodText[]
  readonly durationSec: number
  /** An empty folder for packs until they are stored. */
  readonly folder: string
}

export interface VodHost {
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'head' | 'delete'>
  readonly now: () => number
}

export interface WrittenVod {
  /** Of media. */
  readonly sizeBytes: number
  /** Why a text was left; null: all are there. */
  readonly textProblem: string | null
}

/** May be repeated: the same files become the same objects. */
export async function writeVod(vod: Vod, { store, now }: VodHost, signal: AbortSignal): Promise<WrittenVod> {
  const { stream, cell, folder, texts, durationSec } = vod
  await using tracks = new AsyncDisposableStack()
  const opened: VodTrack[] = []
  let delaySec = 0
  for (const [index, file] of vod.files.entries()) {
    const source = new VodSource((track) => {
      const { kind } = track.config
      if (kind === 'audio' && index > 0) return null
      const number = opened.filter(({ facts }) => facts.kind === kind).length
      const path = { ...stream, trackId: `${kind === 'video' ? 'v' : 'a'}${number}` }
      const label = file.audio[number] ?? { language: 'und', name: null, role: null, isDefault: number === 0 }
      const output = tracks.use(new VodTrack({ path, track, label, cell, folder }))
      opened.push(output)
      return output
    })
    await file.read(async (bytes) => await source.push(bytes))
    source.end()
    if (index === 0) delaySec = source.delaySec
  }
  const packs: SealedPack[] = []
  for (const track of opened) packs.push(...(await track.end()))
  let textProblem: string | null = null
  for (const [index, text] of texts.entries()) {
    const path = { ...stream, trackId: `s${index}` }
    try {
      packs.push(...(await packText(text, { path, cell, folder, durationSec, delaySec })))
    } catch (error) {
      // What is said is no reason not to show the pictures.
      if (!isMirrorError(error)) throw error
      textProblem = error.message
    }
  }
  await publish(packs, { store, now }, signal)
  return { sizeBytes: packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), textProblem }
}

/** What an index names is there. */
async function publish(packs: readonly SealedPack[], { store, now }: VodHost, signal: AbortSignal): Promise<void> {
  const indexes = new IndexStore(store, now)
  const call = { signal }
  for (const pack of packs) {
    await storeInit(store, pack, call)
    const segments = await storePack(store, pack, call)
    await indexes.addSegments(pack.track, pack.hour, pack.facts, segments, call)
  }
  for (const { track, facts, hour } of packs) await indexes.addHour(track, facts, hour, call)
}
