// What can be done to streams. The catalog changes first, then the media plane learns of it.
import { createHash } from 'node:crypto'
import type { Catalog, DateRangeRow, PublishKeyRow, Role, StreamRow } from '../catalog/types.ts'
import { isMirrorError, MirrorError } from '../core/errors.ts'
import type { LiveControl, RegisteredStream } from '../live/control.ts'
import type { EventType } from '../live/events.ts'
import { DEFAULT_STREAM_SETTINGS, type StreamInputConfig, type StreamSettings } from '../live/settings.ts'
import type { SlateMaker } from '../live/slate/slate-maker.ts'
import { type SlateKind, type SlateSource, slateKindOf } from '../live/slate/slate-profile.ts'
import type { ApiSecrets } from './api-secrets.ts'
import { DATE_RANGE_REACH_MS } from './date-range-feed.ts'
import type { EventHub } from './event-hub.ts'
import type { AddInputBody, ConfiguredInputView } from './input-contract.ts'
import type { CreateStreamBody, PublishKeyView, StreamView, UpdateStreamBody } from './stream-contract.ts'
import { orderedInputs, planInput, renderConfiguredInput, requireInput, switchInput } from './stream-inputs.ts'
import type { Addresses } from './stream-urls.ts'
import { applyDvr, applySettings, isoTime, renderStream } from './stream-view.ts'

export const DEFAULT_TENANT = 'default'
export const DEMO_STREAM_ID = 'demo'
/** Keys that are accepted at the same time, so that encoders can be moved to a new one without a gap. */
const MAX_KEYS_PER_STREAM = 10

export interface StreamService {
  list(seesKeys: boolean): Promise<StreamView[]>
  /** Throws `stream_not_found`, as does everything below that takes an id. */
  get(id: string, seesKeys: boolean): Promise<StreamView>
  create(body: CreateStreamBody): Promise<StreamView>
  update(id: string, body: UpdateStreamBody): Promise<StreamView>
  /** Throws `stream_recorded` while recordings of it are kept. */
  remove(id: string): Promise<void>
  restart(id: string): Promise<StreamView>
  keys(id: string): Promise<PublishKeyView[]>
  addKey(id: string, rotate: boolean): Promise<PublishKeyView>
  removeKey(id: string, keyId: string): Promise<void>
  addInput(id: string, body: AddInputBody, role: Role): Promise<ConfiguredInputView>
  /** Throws `input_not_found`, as does `controlInput`. */
  removeInput(id: string, inputId: string): Promise<void>
  controlInput(id: string, inputId: string, action: 'start' | 'stop' | 'restart'): Promise<ConfiguredInputView>
  /** Throws `invalid_request` unless `order` names every configured input once. */
  orderInputs(id: string, order: readonly string[]): Promise<ConfiguredInputView[]>
  /** Throws `slate_unreadable` or `ffmpeg_missing`. */
  setSlate(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<StreamView>
  /** As it was uploaded. Throws `slate_not_found`. */
  slate(id: string, signal: AbortSignal): Promise<{ readonly kind: SlateKind; readonly bytes: Uint8Array }>
  removeSlate(id: string): Promise<void>
  startTestSource(id: string): Promise<StreamView>
  stopTestSource(id: string): Promise<void>
  /** The demo stream, made if it is missing, with its test source running. */
  startDemo(): Promise<StreamView>
  /** Tells the media plane what the catalog says of the stream now; nothing when it is gone. */
  refresh(id: string): Promise<void>
}

export interface StreamServiceOptions {
  readonly catalog: Catalog
  readonly live: LiveControl
  readonly secrets: ApiSecrets
  readonly slates: Pick<SlateMaker, 'keep' | 'read'>
  readonly addresses: Addresses
  readonly events: Pick<EventHub, 'publish'>
  readonly clock: () => number
}

/** Tells the media plane of every stream in the catalog; call it once, before ingest opens. */
export async function registerStreams(
  catalog: Catalog,
  live: Pick<LiveControl, 'register'>,
  nowMs: number,
): Promise<number> {
  const [rows, keys, ranges, spans] = await Promise.all([
    catalog.streams.list(),
    catalog.publishKeys.list(),
    catalog.dateRanges.list({ endsAfterMs: nowMs - DATE_RANGE_REACH_MS }),
    catalog.dvrRecordings.spans(),
  ])
  const [keysOf, rangesOf, spansOf] = [groupByStream(keys), groupByStream(ranges), groupByStream(spans)]
  for (const row of rows) {
    const { id } = row
    live.register(
      toRegistered(row, { keys: keysOf.get(id) ?? [], ranges: rangesOf.get(id) ?? [], spans: spansOf.get(id) ?? [] }),
    )
  }
  return rows.length
}

export function createStreamService(options: StreamServiceOptions): StreamService {
  const { catalog, live, secrets, slates, addresses, events, clock } = options
  const serially = createSerial()

  async function require(id: string): Promise<StreamRow> {
    const row = await catalog.streams.get(id)
    if (row === null) throw notFound(id)
    return row
  }

  function view(row: StreamRow, newestKey: PublishKeyRow | undefined): StreamView {
    const publishKey = newestKey === undefined ? null : openKey(newestKey)
    const inputStatuses = newestKey === undefined ? null : live.configuredInputs(row.id)
    return renderStream({ row, publishKey, live: live.status(row.id), inputStatuses, addresses })
  }

  async function viewWithKey(row: StreamRow): Promise<StreamView> {
    const [newest] = await catalog.publishKeys.list(row.id)
    return view(row, newest)
  }

  /** A key sealed under another secret (a restored database) is unreadable, not fatal: rotating it helps. */
  function openKey({ sealed }: PublishKeyRow): string | null {
    return secrets.open(sealed)
  }

  async function register(row: StreamRow): Promise<void> {
    const [keys, ranges, spans] = await Promise.all([
      catalog.publishKeys.list(row.id),
      catalog.dateRanges.list({ streamId: row.id, endsAfterMs: clock() - DATE_RANGE_REACH_MS }),
      catalog.dvrRecordings.spans(row.id),
    ])
    live.register(toRegistered(row, { keys, ranges, spans }))
    await live.synced()
  }

  function report(type: EventType, streamId: string, message: string): void {
    events.publish({ type, severity: 'info', streamId, atMs: clock(), code: null, message, details: {} })
  }

  function newKey(streamId: string): { row: PublishKeyRow; key: string } {
    const key = secrets.newPublishKey()
    const sealed = { sealed: secrets.seal(key), lookup: secrets.lookup(key) }
    return { key, row: { id: secrets.newToken(), streamId, ...sealed, createdAtMs: clock() } }
  }

  async function create(body: CreateStreamBody): Promise<StreamView> {
    const settings = changed(DEFAULT_STREAM_SETTINGS, body)
    const times = { createdAtMs: clock(), updatedAtMs: clock() }
    const row = { id: body.id, tenantId: DEFAULT_TENANT, name: body.name ?? '', settings, ...times }
    const key = newKey(row.id)
    await catalog.streams.create(row, key.row)
    live.register(toRegistered(row, { keys: [key.row], ranges: [], spans: [] }))
    // An encoder may connect with the key as soon as it has been answered.
    await live.synced()
    report('stream.created', row.id, `Stream ${row.id} was created`)
    return view(row, key.row)
  }

  async function storeInputs(
    row: StreamRow,
    inputs: readonly StreamInputConfig[],
    message: string,
  ): Promise<StreamRow> {
    const changed = await catalog.streams.update(row.id, {
      settings: { ...row.settings, inputs },
      updatedAtMs: clock(),
    })
    if (changed === null) throw notFound(row.id)
    await register(changed)
    report('stream.updated', row.id, message)
    return changed
  }

  async function storeSlate(id: string, slate: SlateSource | null, message: string): Promise<StreamView> {
    const before = await require(id)
    const row = await catalog.streams.update(id, { settings: { ...before.settings, slate }, updatedAtMs: clock() })
    if (row === null) throw notFound(id)
    await register(row)
    report('stream.updated', id, message)
    return await viewWithKey(row)
  }

  function viewInput(row: StreamRow, inputId: string): ConfiguredInputView {
    return renderConfiguredInput(requireInput(row, inputId), live.configuredInputs(row.id))
  }

  return {
    async list(seesKeys) {
      const [rows, keys] = await Promise.all([catalog.streams.list(), seesKeys ? catalog.publishKeys.list() : []])
      const keysOf = groupByStream(keys)
      return rows.map((row) => view(row, keysOf.get(row.id)?.[0]))
    },

    async get(id, seesKeys) {
      const row = await require(id)
      return seesKeys ? await viewWithKey(row) : view(row, undefined)
    },

    create: (body) => serially(() => create(body)),

    update: (id, body) =>
      serially(async () => {
        const before = await require(id)
        const row = await catalog.streams.update(id, {
          ...(body.name === undefined ? {} : { name: body.name }),
          ...(body.settings === undefined && body.dvr === undefined
            ? {}
            : { settings: changed(before.settings, body) }),
          updatedAtMs: clock(),
        })
        if (row === null) throw notFound(id)
        await register(row)
        report('stream.updated', id, `Stream ${id} was changed`)
        return await viewWithKey(row)
      }),

    remove: (id) =>
      serially(async () => {
        if (!(await catalog.streams.remove(id))) throw notFound(id)
        live.unregister(id)
        // Who is told that it is gone finds nobody who still serves it.
        await live.synced()
        report('stream.deleted', id, `Stream ${id} was deleted`)
      }),

    async restart(id) {
      const row = await require(id)
      live.restart(id)
      return await viewWithKey(row)
    },

    async keys(id) {
      await require(id)
      const rows = await catalog.publishKeys.list(id)
      return rows.flatMap((row) => {
        const key = openKey(row)
        return key === null ? [] : [{ id: row.id, key, createdAt: isoTime(row.createdAtMs) }]
      })
    },

    addKey: (id, rotate) =>
      serially(async () => {
        const stream = await require(id)
        const { row, key } = newKey(id)
        if (!rotate && (await catalog.publishKeys.list(id)).length >= MAX_KEYS_PER_STREAM) {
          throw new MirrorError('invalid_request', `Stream ${id} has ${MAX_KEYS_PER_STREAM} keys already; remove one`)
        }
        await (rotate ? catalog.publishKeys.rotate(row) : catalog.publishKeys.add(row))
        await register(stream)
        report(
          'stream.updated',
          id,
          rotate ? `The publish key of ${id} was rotated` : `${id} got a further publish key`,
        )
        return { id: row.id, key, createdAt: isoTime(row.createdAtMs) }
      }),

    removeKey: (id, keyId) =>
      serially(async () => {
        const stream = await require(id)
        const rows = await catalog.publishKeys.list(id)
        if (!rows.some((row) => row.id === keyId)) {
          throw new MirrorError('key_not_found', `Stream ${id} has no publish key with this id`)
        }
        if (rows.length === 1) {
          throw new MirrorError('invalid_request', `This is the only key of ${id}; rotate it instead`)
        }
        await catalog.publishKeys.remove(id, keyId)
        await register(stream)
        report('stream.updated', id, `A publish key of ${id} was removed`)
      }),

    addInput: (id, body, role) =>
      serially(async () => {
        const row = await require(id)
        const input = planInput(body, row, await catalog.streams.list(), role)
        const inputs = [...row.settings.inputs, input]
        return viewInput(await storeInputs(row, inputs, `Stream ${id} got the input ${input.id}`), input.id)
      }),

    removeInput: (id, inputId) =>
      serially(async () => {
        const row = await require(id)
        const removed = requireInput(row, inputId)
        const inputs = row.settings.inputs.filter((input) => input !== removed)
        await storeInputs(row, inputs, `The input ${inputId} of ${id} was removed`)
      }),

    controlInput: (id, inputId, action) =>
      serially(async () => {
        const row = await require(id)
        requireInput(row, inputId)
        if (action === 'restart') {
          live.restartInput(id, inputId)
          return viewInput(row, inputId)
        }
        const inputs = switchInput(row, inputId, action === 'start')
        const message = `The input ${inputId} of ${id} was ${action === 'start' ? 'started' : 'stopped'}`
        return viewInput(await storeInputs(row, inputs, message), inputId)
      }),

    orderInputs: (id, order) =>
      serially(async () => {
        const before = await require(id)
        const row = await storeInputs(before, orderedInputs(before, order), `The inputs of ${id} were put in order`)
        return row.settings.inputs.map((input) => renderConfiguredInput(input, live.configuredInputs(id)))
      }),

    async setSlate(id, bytes, signal) {
      const kind = slateKindOf(bytes)
      if (kind === null) throw new MirrorError('slate_unreadable', 'It is no PNG, JPEG or MP4')
      const hash = createHash('sha256').update(bytes).digest('hex')
      const source: SlateSource = { hash, kind, sizeBytes: bytes.length }
      // ffmpeg looks at it for a while: other changes do not wait for that.
      await slates.keep(await require(id), source, bytes, signal)
      return await serially(() => storeSlate(id, source, `Stream ${id} got a slate`))
    },

    async slate(id, signal) {
      const row = await require(id)
      const { slate } = row.settings
      const bytes = slate === null ? null : await slates.read(row, slate, signal)
      if (slate === null || bytes === null) throw new MirrorError('slate_not_found', `Stream ${id} has no slate`)
      return { kind: slate.kind, bytes }
    },

    removeSlate: (id) =>
      serially(async () => {
        if ((await require(id)).settings.slate === null) {
          throw new MirrorError('slate_not_found', `Stream ${id} has no slate`)
        }
        await storeSlate(id, null, `The slate of ${id} was removed`)
      }),

    refresh: (id) =>
      serially(async () => {
        const row = await catalog.streams.get(id)
        if (row !== null) await register(row)
      }),

    async startTestSource(id) {
      const row = await require(id)
      await live.startTestSource(id)
      return await viewWithKey(row)
    },

    async stopTestSource(id) {
      await require(id)
      await live.stopTestSource(id)
    },

    async startDemo() {
      await serially(async () => {
        if ((await catalog.streams.get(DEMO_STREAM_ID)) !== null) return
        await create({ id: DEMO_STREAM_ID, name: 'Demo', settings: { segment: '1s', gop: 'fixed' } })
      })
      try {
        await live.startTestSource(DEMO_STREAM_ID)
      } catch (error) {
        // Pressing the button twice is no fault; another publisher on the demo stream is.
        const isRunning = live.status(DEMO_STREAM_ID)?.input?.protocol === 'test'
        if (!isMirrorError(error, 'stream_busy') || !isRunning) throw error
      }
      return await viewWithKey(await require(DEMO_STREAM_ID))
    },
  }
}

function groupByStream<T extends { readonly streamId: string }>(rows: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(row.streamId)
    if (group === undefined) groups.set(row.streamId, [row])
    else group.push(row)
  }
  return groups
}

interface Belongings {
  readonly keys: readonly PublishKeyRow[]
  readonly ranges: readonly DateRangeRow[]
  readonly spans: Awaited<ReturnType<Catalog['dvrRecordings']['spans']>>
}

/** While a recording runs that was asked for, the stream is recorded, whatever its settings say. */
function toRegistered(row: StreamRow, { keys, ranges, spans }: Belongings): RegisteredStream {
  const { id, tenantId, settings } = row
  const holds = spans.map(({ startsAtMs, endsAtMs }) => ({ fromMs: startsAtMs, toMs: endsAtMs }))
  const isEnabled = settings.dvr.isEnabled || holds.some(({ toMs }) => toMs === null)
  return {
    id,
    tenantId,
    settings: { ...settings, dvr: { ...settings.dvr, isEnabled } },
    dateRanges: ranges.map(({ range }) => range),
    holds,
    keyLookups: keys.map(({ lookup }) => lookup),
  }
}

function changed(base: StreamSettings, { settings, dvr }: Pick<UpdateStreamBody, 'settings' | 'dvr'>): StreamSettings {
  return checkSettings({ ...applySettings(base, settings ?? {}), dvr: applyDvr(base.dvr, dvr ?? {}) })
}

function checkSettings(settings: StreamSettings): StreamSettings {
  if (settings.partMs > settings.segmentMs) {
    throw new MirrorError('invalid_request', 'A part cannot be longer than its segment', {
      details: { path: 'settings.part' },
    })
  }
  if (settings.windowMs < 3 * settings.segmentMs) {
    throw new MirrorError('invalid_request', 'The window must hold at least three segments', {
      details: { path: 'settings.window' },
    })
  }
  if (settings.dvr.retentionMs < settings.dvr.rewindMs) {
    throw new MirrorError('invalid_request', 'Recordings must be kept at least as long as the stream rewinds', {
      details: { path: 'dvr.retention' },
    })
  }
  return settings
}

function notFound(id: string): MirrorError {
  return new MirrorError('stream_not_found', `There is no stream "${id.slice(0, 64)}"`)
}

/** One change after the other, so that the media plane never keeps an older state than the catalog. */
function createSerial(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }
}
