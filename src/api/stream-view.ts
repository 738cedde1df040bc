// From rows and live figures to what the API shows. Pure: the caller has fetched everything.
import type { ApiKeyRow, EventRow, StreamRow } from '../catalog/types.ts'
import { formatDuration, parseDuration } from '../core/duration.ts'
import type { ConfiguredInputStatus, ConnectedInputStatus, InputStatus, LiveStatus } from '../live/control.ts'
import type { MirrorEvent } from '../live/events.ts'
import type { DvrSettings, StreamSettings, TrackDescription } from '../live/settings.ts'
import type { ApiKeyView } from './access-contract.ts'
import type { DvrSettingsView } from './dvr-contract.ts'
import type { EventView } from './event-contract.ts'
import type { ConnectedInputView, InputView } from './input-contract.ts'
import type { LiveView, StreamSettingsView, StreamView } from './stream-contract.ts'
import { renderConfiguredInput } from './stream-inputs.ts'
import { type Addresses, ingestUrls, playbackUrls } from './stream-urls.ts'

const EMPTY_LIVE: LiveView = {
  startedAt: null,
  input: null,
  inputs: [],
  tracks: [],
  bitrateBps: 0,
  fps: 0,
  viewers: 0,
  packagingMs: null,
  latencyMs: null,
  discontinuitySequence: 0,
  newestMsn: null,
  keyframeIntervalSec: null,
  advice: [],
  drops: {},
  repairs: {},
  switches: {},
  slate: null,
}

export interface StreamFacts {
  readonly row: StreamRow
  /** Newest publish key in plain text; null hides it and every ingest address. */
  readonly publishKey: string | null
  readonly live: LiveStatus | null
  /** Null hides the configured inputs. */
  readonly inputStatuses: readonly ConfiguredInputStatus[] | null
  readonly addresses: Addresses
}

export function renderStream({ row, publishKey, live, inputStatuses, addresses }: StreamFacts): StreamView {
  return {
    id: row.id,
    tenant: row.tenantId,
    name: row.name,
    status: live?.status ?? 'offline',
    createdAt: isoTime(row.createdAtMs),
    updatedAt: isoTime(row.updatedAtMs),
    settings: renderSettings(row.settings),
    dvr: renderDvr(row.settings.dvr),
    publishKey,
    ingest: publishKey === null ? null : ingestUrls(addresses, row.id, publishKey),
    playback: playbackUrls(addresses, row.id),
    slate:
      row.settings.slate === null ? null : { kind: row.settings.slate.kind, sizeBytes: row.settings.slate.sizeBytes },
    inputs:
      inputStatuses === null ? [] : row.settings.inputs.map((input) => renderConfiguredInput(input, inputStatuses)),
    live: live === null ? EMPTY_LIVE : renderLive(live),
  }
}

export function renderLive(live: LiveStatus): LiveView {
  return {
    startedAt: live.startedAtMs === null ? null : isoTime(live.startedAtMs),
    input: live.input === null ? null : renderInput(live.input),
    inputs: live.inputs.map(renderConnectedInput),
    tracks: live.tracks.map((track) => ({ ...track, bitrateBps: finite(track.bitrateBps) })),
    bitrateBps: finite(live.bitrateBps),
    fps: finite(live.fps),
    viewers: live.viewers,
    packagingMs: live.packagingMs,
    latencyMs: live.latencyMs,
    discontinuitySequence: live.discontinuitySequence,
    newestMsn: live.newestMsn,
    keyframeIntervalSec: live.keyframeIntervalSec,
    advice: [...live.advice],
    drops: { ...live.drops },
    repairs: { ...live.repairs },
    switches: { ...live.switches },
    slate: live.slate,
  }
}

/** What anybody may know about a public stream: that it runs, since when, and how many watch. */
export function renderPublicLive(live: LiveStatus): LiveView {
  return {
    ...EMPTY_LIVE,
    startedAt: live.startedAtMs === null ? null : isoTime(live.startedAtMs),
    viewers: live.viewers,
  }
}

export function renderInput(input: InputStatus): InputView {
  const { protocol, connectedAtMs, receivedBytes, rttMs, packetsLost, packetsRetransmitted, packetsDropped } = input
  const connectedAt = isoTime(connectedAtMs)
  return { protocol, connectedAt, receivedBytes, rttMs, packetsLost, packetsRetransmitted, packetsDropped }
}

export function renderConnectedInput(input: ConnectedInputStatus): ConnectedInputView {
  return {
    ...renderInput(input),
    id: input.id,
    configured: input.isConfigured,
    role: input.role,
    health: input.health,
    healthySince: input.healthySinceMs === null ? null : isoTime(input.healthySinceMs),
    bitrateBps: finite(input.bitrateBps),
    sameFeed: input.isSameFeed,
    pinned: input.isPinned,
  }
}

export function renderSettings(settings: StreamSettings): StreamSettingsView {
  return {
    segment: formatDuration(settings.segmentMs),
    part: formatDuration(settings.partMs),
    window: formatDuration(settings.windowMs),
    grace: formatDuration(settings.graceMs),
    gop: settings.gop,
    onBusy: settings.onBusy,
    tracks: settings.tracks.map(({ isDefault, ...track }) => ({ ...track, default: isDefault })),
    switchAfter: formatDuration(settings.switchAfterMs),
    returnAfter: settings.returnAfterMs === null ? 'never' : formatDuration(settings.returnAfterMs),
  }
}

export function renderDvr({ isEnabled, rewindMs, retentionMs }: DvrSettings): DvrSettingsView {
  return { enabled: isEnabled, rewind: formatDuration(rewindMs), retention: formatDuration(retentionMs) }
}

/** A longer rewind takes a retention that was not named along. */
export function applyDvr(base: DvrSettings, change: DvrChange): DvrSettings {
  const rewindMs = durationOr(change.rewind, base.rewindMs)
  const retentionMs = durationOr(change.retention, Math.max(base.retentionMs, rewindMs))
  return { isEnabled: change.enabled ?? base.isEnabled, rewindMs, retentionMs }
}

type DvrChange = { readonly [Key in keyof DvrSettingsView]?: DvrSettingsView[Key] | undefined }

type SettingsChange = { readonly [Key in keyof StreamSettingsView]?: StreamSettingsView[Key] | undefined }

/** `base` with the validated `change` on top. */
export function applySettings(base: StreamSettings, change: SettingsChange): StreamSettings {
  return {
    segmentMs: durationOr(change.segment, base.segmentMs),
    partMs: durationOr(change.part, base.partMs),
    windowMs: durationOr(change.window, base.windowMs),
    graceMs: durationOr(change.grace, base.graceMs),
    gop: change.gop ?? base.gop,
    onBusy: change.onBusy ?? base.onBusy,
    switchAfterMs: durationOr(change.switchAfter, base.switchAfterMs),
    returnAfterMs: change.returnAfter === 'never' ? null : durationOr(change.returnAfter, base.returnAfterMs),
    inputs: base.inputs,
    slate: base.slate,
    dvr: base.dvr,
    tracks: change.tracks?.map(toDescription) ?? base.tracks,
  }
}

function toDescription(track: StreamSettingsView['tracks'][number]): TrackDescription {
  const { id, language = null, name = null, role = null, default: isDefault = false } = track
  // `pt-br` becomes `pt-BR`; the contract has checked that it is a language.
  const canonical = language === null ? null : (Intl.getCanonicalLocales(language)[0] ?? null)
  return { id, language: canonical, name, role, isDefault }
}

export function renderEvent(event: MirrorEvent | EventRow): EventView {
  return {
    seq: 'seq' in event ? event.seq : 0,
    type: event.type,
    severity: event.severity,
    streamId: event.streamId,
    at: isoTime(event.atMs),
    code: event.code,
    message: event.message,
    details: { ...event.details },
  }
}

export function renderApiKey(row: ApiKeyRow): ApiKeyView {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    createdAt: isoTime(row.createdAtMs),
    lastUsedAt: row.lastUsedAtMs === null ? null : isoTime(row.lastUsedAtMs),
  }
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}

function durationOr<Fallback extends number | null>(text: string | undefined, fallbackMs: Fallback): number | Fallback {
  return text === undefined ? fallbackMs : (parseDuration(text) ?? fallbackMs)
}

/** JSON has no NaN; a rate over an empty interval counts as 0. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}
