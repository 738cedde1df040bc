// Stores that people attach. Where they lie and what they can do is in the catalog, their credentials sealed; the store of
// the configuration stands beside them as `default` and cannot be changed here.
import type { Catalog, StoreRow } from '../catalog/types.ts'
import { isMirrorError, MirrorError } from '../core/errors.ts'
import type { EventType, MirrorEvent } from '../live/events.ts'
import { type CapabilityMatrix, driftOf, judgeStore } from '../storage/capabilities.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { StoreLocation } from '../storage/open-store.ts'
import { isSharedPlace, type S3Credentials, type StorePlace, s3SettingsOf } from '../storage/store-place.ts'
import { exchangeMatrix, readMatrix } from '../storage/stored-matrix.ts'
import type { ApiSecrets } from './api-secrets.ts'
import type { EventHub } from './event-hub.ts'
import { DEFAULT_STORE, type StoreOrder, type StoreView } from './store-contract.ts'
import { type CredentialState, renderDefaultStore, renderStore } from './store-view.ts'

/** About 80 requests; a store that needs longer than this is of no use for live. */
const PROBE_TIMEOUT_MS = 100_000
/** What the store of the configuration could do is read out of the store itself, which may be away. */
const READ_TIMEOUT_MS = 3000

export interface StoreService {
  /** The one of the configuration first, the others by name. */
  list(): Promise<readonly StoreView[]>
  /** Throws `store_not_found`. */
  get(name: string): Promise<StoreView>
  /** Probes it first, and keeps nothing of one that will not do. Throws `store_exists`, `store_overlaps`, `store_unusable`. */
  add(order: StoreOrder): Promise<StoreView>
  /** Throws `store_not_found`, `store_sealed`, `store_unavailable`. */
  probe(name: string): Promise<StoreView>
  /** What lies in it stays there. Throws `store_not_found`, `store_fixed`. */
  remove(name: string): Promise<void>
}

export interface StoreServiceOptions {
  readonly catalog: Pick<Catalog, 'stores'>
  readonly configured: ConfiguredStore
  readonly secrets: Pick<ApiSecrets, 'seal' | 'open'>
  readonly probe: (location: StoreLocation, signal: AbortSignal) => Promise<CapabilityMatrix>
  readonly events: Pick<EventHub, 'publish'>
  readonly clock: () => number
}

/** The store that Mirror was started with. */
export interface ConfiguredStore {
  readonly location: StoreLocation
  readonly store: ObjectStore
}

export function createStoreService(options: StoreServiceOptions): StoreService {
  const { catalog, configured, secrets, events, clock } = options
  const ownPlace = placeOf(configured.location)
  /** Two that lie in one place must not both find it free. */
  let adding: Promise<unknown> = Promise.resolve()

  function report(type: EventType, severity: MirrorEvent['severity'], store: string, message: string): void {
    events.publish({ type, severity, streamId: null, atMs: clock(), code: null, message, details: { store } })
  }

  async function require(name: string): Promise<StoreRow> {
    const row = await catalog.stores.get(name)
    if (row === null) throw new MirrorError('store_not_found', `There is no store ${name.slice(0, 64)}`)
    return row
  }

  async function probed(location: StoreLocation): Promise<CapabilityMatrix> {
    const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    try {
      return await options.probe(location, timeout)
    } catch (error) {
      if (!timeout.aborted) throw error
      const message = `The store answers so slowly that its probe was not over within ${PROBE_TIMEOUT_MS / 1000} s`
      throw new MirrorError('store_unavailable', message, { cause: error })
    }
  }

  /** Null: it needs none. */
  function credentialsOf({ name, sealedCredentials }: StoreRow): S3Credentials | null {
    if (sealedCredentials === null) return null
    const opened = secrets.open(sealedCredentials)
    if (opened === null) throw new MirrorError('store_sealed', `The credentials of ${name} cannot be opened`)
    return JSON.parse(opened) as S3Credentials
  }

  function view(row: StoreRow): StoreView {
    const { sealedCredentials } = row
    if (sealedCredentials === null) return renderStore(row, 'machine')
    return renderStore(row, secrets.open(sealedCredentials) === null ? 'unreadable' : 'kept')
  }

  async function ownView(): Promise<StoreView> {
    const matrix = await readMatrix(configured.store, AbortSignal.timeout(READ_TIMEOUT_MS)).catch((error: unknown) => {
      if (isMirrorError(error) || (error instanceof Error && error.name === 'TimeoutError')) return null
      throw error
    })
    return renderDefaultStore(ownPlace, ownCredentials(configured.location), matrix)
  }

  function reportProbe(name: string, before: CapabilityMatrix | null, matrix: CapabilityMatrix): void {
    const { isUsable, advice } = judgeStore(matrix)
    const changes = before === null ? [] : driftOf(before, matrix)
    if (!isUsable) report('store.probed', 'error', name, `Store ${name} cannot be used: ${advice[0] ?? ''}`)
    else if (changes.length > 0)
      report('store.probed', 'warning', name, `Store ${name} is not what it was: ${changes.join('; ')}`)
    else report('store.probed', 'info', name, `Store ${name} was probed and can be used`)
  }

  async function addNow({ name, roles, folder, s3 }: StoreOrder): Promise<StoreView> {
    const stored = await catalog.stores.list()
    if (stored.some((row) => row.name === name)) {
      throw new MirrorError('store_exists', `There is a store ${name} already`)
    }
    const place = placeOfOrder({ folder, s3 })
    const own = [ownPlace, ...tierPlaces(configured.location)].map((taken) => ({ name: DEFAULT_STORE, place: taken }))
    const others = [...own, ...stored]
    const other = others.find((each) => isSharedPlace(each.place, place))
    if (other !== undefined) {
      throw new MirrorError('store_overlaps', `The store ${other.name} lies there, or would lie in this one`)
    }
    const credentials = s3?.credentials ?? null
    const probe = await probed(locationOf(place, credentials))
    const { isUsable, advice } = judgeStore(probe)
    if (!isUsable) throw new MirrorError('store_unusable', `${probe.place}: ${advice[0] ?? ''}`)
    const sealedCredentials = credentials === null ? null : secrets.seal(JSON.stringify(credentials))
    const row: StoreRow = { name, place, sealedCredentials, roles, probe, createdAtMs: clock() }
    await catalog.stores.create(row)
    report('store.added', 'info', name, `Store ${name} was attached: ${probe.place}`)
    return view(row)
  }

  return {
    list: async () => [await ownView(), ...(await catalog.stores.list()).map(view)],

    get: async (name) => (name === DEFAULT_STORE ? await ownView() : view(await require(name))),

    async add(order) {
      const turn = adding.then(async () => await addNow(order))
      adding = turn.catch(() => {})
      return await turn
    },

    async probe(name) {
      if (name === DEFAULT_STORE) {
        const matrix = await probed(configured.location)
        const isUsable = judgeStore(matrix).isUsable
        // Kept in the store itself, as "mirror store probe" without a server does; one that will not do keeps nothing.
        const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
        const before = isUsable ? await exchangeMatrix(configured.store, matrix, signal) : null
        reportProbe(name, before, matrix)
        return renderDefaultStore(ownPlace, ownCredentials(configured.location), matrix)
      }
      const row = await require(name)
      const matrix = await probed(locationOf(row.place, credentialsOf(row)))
      const saved = await catalog.stores.saveProbe(name, matrix)
      if (saved === null) throw new MirrorError('store_not_found', `Store ${name} has just been removed`)
      reportProbe(name, row.probe, matrix)
      return view(saved)
    },

    async remove(name) {
      if (name === DEFAULT_STORE)
        throw new MirrorError('store_fixed', 'The store of the configuration cannot be removed')
      if (!(await catalog.stores.remove(name))) {
        throw new MirrorError('store_not_found', `There is no store ${name.slice(0, 64)}`)
      }
      report('store.removed', 'info', name, `Store ${name} was removed; what lies in it stays there`)
    },
  }
}

function placeOfOrder({ folder, s3 }: Pick<StoreOrder, 'folder' | 's3'>): StorePlace {
  if (s3 === undefined) return { kind: 'folder', path: folder?.path ?? '' }
  const { credentials: _credentials, ...place } = s3
  const prefix = place.prefix === '' ? '' : `${place.prefix.replace(/\/$/, '')}/`
  return { kind: 's3', ...place, prefix, pathStyle: place.pathStyle ?? place.endpoint !== null }
}

function placeOf(location: StoreLocation): StorePlace {
  if (location.kind === 'folder') return { kind: 'folder', path: location.path }
  const { endpoint, region, bucket, prefix, pathStyle, storageClass } = location.settings
  return { kind: 's3', endpoint, region, bucket, prefix, pathStyle, storageClass }
}

/** A folder store keeps what is colder in folders of their own. */
function tierPlaces(location: StoreLocation): readonly StorePlace[] {
  if (location.kind !== 'folder' || location.tiers === undefined) return []
  const { warm, cold, archive } = location.tiers
  return [warm, cold, archive].map((path) => ({ kind: 'folder', path }))
}

function ownCredentials(location: StoreLocation): CredentialState {
  return location.kind === 's3' && location.settings.credentials !== null ? 'kept' : 'machine'
}

function locationOf(place: StorePlace, credentials: S3Credentials | null): StoreLocation {
  if (place.kind === 'folder') return { kind: 'folder', path: place.path }
  return { kind: 's3', settings: s3SettingsOf(place, credentials) }
}
