// The one place where keys of a store are made and read.
import type { ObjectKey } from './object-store.ts'

/** The strictest of the S3 stores; in UTF-8. */
export const MAX_KEY_BYTES = 1024
/** A file name below a folder store, in UTF-8, with room for the few characters that are escaped there. */
export const MAX_SEGMENT_BYTES = 200

/**
 * Null when `text` cannot be a key: empty, `.` or `..` segments, control characters, text that is not well-formed or
 * not composed (NFC; some file systems would give it back changed), or too long.
 */
export function parseObjectKey(text: string): ObjectKey | null {
  if (Buffer.byteLength(text) > MAX_KEY_BYTES) return null
  if (/[\p{Cc}\p{Surrogate}]/u.test(text) || text !== text.normalize('NFC')) return null
  return text.split('/').every(isSegment) ? (text as ObjectKey) : null
}

/** Key order, that of UTF-8 bytes, which JavaScript's own order of UTF-16 units is not (surrogates). */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The timeline entry `dsn` of a stream: immutable, made by conditional create. `dsn` is not padded: compare as numbers. */
export function timelineEntryKey(tenantId: string, streamId: string, dsn: number): ObjectKey {
  if (!Number.isSafeInteger(dsn) || dsn < 0) throw new RangeError(`not a discontinuity sequence number: ${dsn}`)
  return keyOf(`${timelinePrefix(tenantId, streamId)}${dsn}.json`)
}

/** What all timeline entries of a stream start with, and nothing else does. */
export function timelinePrefix(tenantId: string, streamId: string): string {
  for (const segment of [tenantId, streamId]) {
    if (segment.includes('/')) throw new RangeError(`a slash in an id: ${segment}`)
  }
  return `timeline/${tenantId}/${streamId}/`
}

/** The `dsn` that is in a key of `timelineEntryKey`; null for any other key. */
export function parseTimelineDsn(key: ObjectKey): number | null {
  const match = /^timeline\/[^/]+\/[^/]+\/(0|[1-9]\d{0,15})\.json$/.exec(key)
  const dsn = Number(match?.[1])
  return Number.isSafeInteger(dsn) ? dsn : null
}

/** A picture or clip as it was uploaded; `hash` of its bytes. */
export function slateSourceKey(tenantId: string, streamId: string, hash: string): ObjectKey {
  return keyOf(`slates/${tenantId}/${streamId}/${hash}`)
}

/** What was prepared of one for a stream's tracks. */
export function preparedSlateKey(tenantId: string, streamId: string, name: string): ObjectKey {
  return keyOf(`slates/${tenantId}/${streamId}/prepared/${name}.mp4`)
}

/** The recording of a call as it came in; written once. */
export function callRecordingKey(tenantId: string, recordingId: string): ObjectKey {
  return keyOf(`${callRecordingPrefix(tenantId, recordingId)}original`)
}

/** What was computed of one: `waveform.json`. */
export function callRecordingPartKey(tenantId: string, recordingId: string, name: string): ObjectKey {
  return keyOf(`${callRecordingPrefix(tenantId, recordingId)}${name}`)
}

/** What all objects of a recorded call start with, and nothing else does. */
export function callRecordingPrefix(tenantId: string, recordingId: string): string {
  for (const segment of [tenantId, recordingId]) {
    if (segment.includes('/')) throw new RangeError(`a slash in an id: ${segment}`)
  }
  return `recordings/${tenantId}/${recordingId}/`
}

/** Of what clients put into the store past Mirror, before it is an asset. */
export const DIRECT_PREFIX = 'direct/'

export function directUploadKey(tenantId: string, uploadId: string): ObjectKey {
  for (const segment of [tenantId, uploadId]) {
    if (segment.includes('/')) throw new RangeError(`a slash in an id: ${segment}`)
  }
  return keyOf(`${DIRECT_PREFIX}${tenantId}/${uploadId}`)
}

/** An uploaded file as it came in; written once. */
export function assetOriginalKey(tenantId: string, assetId: string): ObjectKey {
  return keyOf(`${assetPrefix(tenantId, assetId)}original`)
}

/** What was made of one. `sha256` of its bytes: whatever is made anew and differs gets a key of its own. */
export function assetRenditionKey(
  tenantId: string,
  assetId: string,
  rendition: { readonly name: string; readonly sha256: string; readonly extension: string },
): ObjectKey {
  const { name, sha256, extension } = rendition
  return keyOf(`${assetPrefix(tenantId, assetId)}${name}-${sha256.slice(0, 12)}/${name}.${extension}`)
}

/** What the keys of files begin with that MediaConvert makes of an asset; they are there until they are taken in. */
export function assetConversionKey(tenantId: string, assetId: string, token: string): ObjectKey {
  return keyOf(`${assetPrefix(tenantId, assetId)}converted-${token}/video`)
}

/** What all objects of an asset start with, and nothing else does. */
export function assetPrefix(tenantId: string, assetId: string): string {
  for (const segment of [tenantId, assetId]) {
    if (segment.includes('/')) throw new RangeError(`a slash in an id: ${segment}`)
  }
  return `assets/${tenantId}/${assetId}/`
}

/** An object that exists for a moment, to find out what a store can do. `id` without slashes. */
export function probeKey(id: string): ObjectKey {
  return keyOf(`probe/${id}`)
}

/** What all backups of the catalog start with. */
export const CATALOG_BACKUP_PREFIX = 'backup/catalog/'

/** When a backup was begun and what tells it from another of the same second; as a name, `2026-11-21T10-53-07Z-1a2b3c4d`. */
export interface BackupId {
  readonly name: string
  readonly atMs: number
}

/** `random` of lower-case letters and digits. */
export function newBackupId(atMs: number, random: string): BackupId {
  const seconds = Math.floor(atMs / 1000) * 1000
  return { name: `${new Date(seconds).toISOString().slice(0, 19).replaceAll(':', '-')}Z-${random}`, atMs: seconds }
}

export function catalogBackupKey({ name }: Pick<BackupId, 'name'>): ObjectKey {
  return keyOf(`${CATALOG_BACKUP_PREFIX}${name}${BACKUP_EXTENSION}`)
}

/** Null for any key that is not of `catalogBackupKey`. */
export function parseBackupKey(key: string): BackupId | null {
  if (!key.startsWith(CATALOG_BACKUP_PREFIX) || !key.endsWith(BACKUP_EXTENSION)) return null
  return parseBackupName(key.slice(CATALOG_BACKUP_PREFIX.length, -BACKUP_EXTENSION.length))
}

export function parseBackupName(name: string): BackupId | null {
  const [, day, hour, minute, second] = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})Z-[a-z0-9]{1,32}$/.exec(name) ?? []
  const atMs = Date.parse(`${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(atMs) ? null : { name, atMs }
}

const BACKUP_EXTENSION = '.jsonl.gz'

/** Whether any key at all can start with `prefix`; stores answer the rest in ways of their own. */
export function isKeyPrefix(prefix: string): boolean {
  const segments = prefix.split('/')
  const last = segments.pop() ?? ''
  return segments.every(isSegment) && parseObjectKey([...segments, `${last}a`].join('/')) !== null
}

/** One track of a stream, whose recording lies under one prefix. */
export interface TrackPath {
  readonly tenantId: string
  readonly streamId: string
  readonly trackId: string
}

/** An hour in UTC, `2026-11-21T07`. As text it sorts as time does. */
export type Hour = string & { readonly [hourBrand]: true }
declare const hourBrand: unique symbol

export const HOUR_MS = 3_600_000

export function hourOf(atMs: number): Hour {
  return new Date(atMs).toISOString().slice(0, 13) as Hour
}

/** First millisecond of the hour. */
export function hourStartMs(hour: Hour): number {
  return Date.parse(`${hour}:00:00Z`)
}

/** Null when `text` is not an hour. */
export function parseHour(text: string): Hour | null {
  const atMs = /^\d{4}-\d{2}-\d{2}T\d{2}$/.test(text) ? Date.parse(`${text}:00:00Z`) : Number.NaN
  return Number.isNaN(atMs) || hourOf(atMs) !== text ? null : (text as Hour)
}

/** Points at the hour indexes of all tracks. */
export function streamIndexKey(stream: Omit<TrackPath, 'trackId'>): ObjectKey {
  return keyOf(`${streamPrefix(stream)}index.json`)
}

/**
 * Names what players are given of an asset, as if it were a stream that was recorded at the beginning of the timeline: it
 * has the same indexes and packs, below the asset. No stream has such an id. `name` of its content: it is never changed.
 */
export function assetStreamId(assetId: string, name: string): string {
  for (const part of [assetId, name]) if (/[:/]/.test(part)) throw new RangeError(`not part of a stream id: ${part}`)
  return `asset:${assetId}:${name}`
}

function streamPrefix({ tenantId, streamId }: Omit<TrackPath, 'trackId'>): string {
  const [, assetId, name] = /^asset:([^:]+):([^:]+)$/.exec(streamId) ?? []
  for (const segment of [tenantId, streamId]) {
    if (segment.includes('/')) throw new RangeError(`a slash in an id: ${segment}`)
  }
  return assetId === undefined ? `dvr/${tenantId}/${streamId}/` : `${assetPrefix(tenantId, assetId)}${name}/`
}

/** What all recordings start with. */
export const RECORDINGS_PREFIX = 'dvr/'

/** The stream whose recording a key belongs to; null: it belongs to none. */
export function parseRecordingKey(key: ObjectKey): Omit<TrackPath, 'trackId'> | null {
  const [, tenantId, streamId] = /^dvr\/([^/]+)\/([^/]+)\/./.exec(key) ?? []
  return tenantId === undefined || streamId === undefined ? null : { tenantId, streamId }
}

/** After every key of a stream's recording and before those of the next stream: `0` comes next to the slash. */
export function behindRecordings({ tenantId, streamId }: Omit<TrackPath, 'trackId'>): string {
  return `${RECORDINGS_PREFIX}${tenantId}/${streamId}0`
}

/** `name` as players see it: `init-<hash>.mp4`. */
export function recordedInitKey(track: TrackPath, name: string): ObjectKey {
  return keyOf(`${trackPrefix(track)}${name}`)
}

/** `name` as players see it: `<msn>.m4s`, `<msn>.vtt`. */
export function recordedSegmentKey(track: TrackPath, hour: Hour, name: string): ObjectKey {
  return keyOf(`${hourPrefix(track, hour)}${name}`)
}

/** `id` is unique, because some stores ignore conditions when an upload in parts completes. */
export function packKey(track: TrackPath, hour: Hour, id: string): ObjectKey {
  return keyOf(`${hourPrefix(track, hour)}${id}.pack`)
}

export function hourIndexKey(track: TrackPath, hour: Hour): ObjectKey {
  return keyOf(`${hourPrefix(track, hour)}${hour.slice(11, 13)}.index.json`)
}

/** What all objects of a track and hour start with. */
export function hourPrefix(track: TrackPath, hour: Hour): string {
  return `${trackPrefix(track)}${hour.replace(/[-T]/g, '/')}/`
}

/** What all recordings start with, those of one stream, or one of its tracks; and nothing else does. */
export function recordingsPrefix(of: Partial<Omit<TrackPath, 'trackId'>> & { readonly trackId?: string }): string {
  const { tenantId, streamId, trackId } = of
  if (tenantId === undefined || streamId === undefined) return 'dvr/'
  if (trackId !== undefined) return trackPrefix({ tenantId, streamId, trackId })
  return streamPrefix({ tenantId, streamId })
}

/** What a key of a recording says about its object. */
export type RecordedKey =
  | { readonly kind: 'stream_index'; readonly stream: Omit<TrackPath, 'trackId'> }
  | { readonly kind: 'init'; readonly track: TrackPath; readonly name: string }
  | { readonly kind: 'hour_index'; readonly track: TrackPath; readonly hour: Hour }
  | { readonly kind: 'pack'; readonly track: TrackPath; readonly hour: Hour; readonly id: string }
  | { readonly kind: 'segment'; readonly track: TrackPath; readonly hour: Hour; readonly name: string }

/** Null for a key that no function here makes. */
export function parseRecordedKey(key: ObjectKey): RecordedKey | null {
  const [root, tenantId = '', streamId = '', ...rest] = key.split('/')
  if (root !== 'dvr' || rest.length === 0) return null
  if (rest.length === 1)
    return rest[0] === 'index.json' ? { kind: 'stream_index', stream: { tenantId, streamId } } : null
  const [trackId = '', ...below] = rest
  const track = { tenantId, streamId, trackId }
  const name = below.at(-1) ?? ''
  if (below.length === 1) return /^init-[^/]+\.mp4$/.test(name) ? { kind: 'init', track, name } : null
  const [year, month, day, ofDay] = below
  const hour = below.length === 5 ? parseHour(`${year}-${month}-${day}T${ofDay}`) : null
  if (hour === null) return null
  if (name === `${ofDay}.index.json`) return { kind: 'hour_index', track, hour }
  if (name.endsWith('.pack')) return { kind: 'pack', track, hour, id: name.slice(0, -'.pack'.length) }
  return /^(?:0|[1-9]\d{0,14})\.(?:m4s|vtt)$/.test(name) ? { kind: 'segment', track, hour, name } : null
}

function trackPrefix({ trackId, ...stream }: TrackPath): string {
  if (trackId.includes('/')) throw new RangeError(`a slash in an id: ${trackId}`)
  return `${streamPrefix(stream)}${trackId}/`
}

/** Numbers of points run down in keys, so that the first key of a listing is the newest point. */
const MAX_DRIFT_POINT = 99_999_999

/** Point `n` of a timeline entry, from 1: immutable, made by conditional create. `mapId` tells entries of one number apart. */
export function driftPointKey(
  tenantId: string,
  streamId: string,
  entry: { readonly dsn: number; readonly mapId: string },
  n: number,
): ObjectKey {
  if (!Number.isSafeInteger(n) || n < 1 || n > MAX_DRIFT_POINT) throw new RangeError(`not a number of a point: ${n}`)
  return keyOf(`${driftPointPrefix(tenantId, streamId, entry)}${String(MAX_DRIFT_POINT - n).padStart(8, '0')}.json`)
}

/** What all points of a timeline entry start with, and nothing else does. */
export function driftPointPrefix(
  tenantId: string,
  streamId: string,
  { dsn, mapId }: { readonly dsn: number; readonly mapId: string },
): string {
  return `timeline-points/${timelinePrefix(tenantId, streamId).slice('timeline/'.length)}${dsn}-${mapId}/`
}

function isSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES
}

function keyOf(text: string): ObjectKey {
  const key = parseObjectKey(text)
  if (key === null) throw new RangeError(`not a key: ${text}`)
  return key
}
