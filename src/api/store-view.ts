// From stores to what the API shows of them. Pure.
import type { StoreRow } from '../catalog/types.ts'
import { CAPABILITIES, CAPABILITY_IDS, type CapabilityMatrix, judgeStore } from '../storage/capabilities.ts'
import { describeStorePlace, STORE_ROLES, type StorePlace } from '../storage/store-place.ts'
import { DEFAULT_STORE, type StoreView } from './store-contract.ts'
import { isoTime } from './stream-view.ts'

export type CredentialState = NonNullable<StoreView['s3']>['credentials']

export function renderStore(
  { name, place, roles, probe, createdAtMs }: Omit<StoreRow, 'sealedCredentials'>,
  credentials: CredentialState,
): StoreView {
  return {
    ...renderPlace(place, credentials),
    name,
    source: 'catalog',
    roles: [...roles],
    addedAt: isoTime(createdAtMs),
    probe: renderProbe(probe),
  }
}

export function renderDefaultStore(
  place: StorePlace,
  credentials: CredentialState,
  probe: CapabilityMatrix | null,
): StoreView {
  const roles = [...STORE_ROLES]
  return {
    ...renderPlace(place, credentials),
    name: DEFAULT_STORE,
    source: 'configuration',
    roles,
    addedAt: null,
    probe: renderProbe(probe),
  }
}

function renderPlace(place: StorePlace, credentials: CredentialState): Pick<StoreView, 'place' | 'folder' | 's3'> {
  const described = { place: describeStorePlace(place) }
  if (place.kind === 'folder') return { ...described, folder: { path: place.path }, s3: null }
  const { endpoint, region, bucket, prefix, pathStyle, storageClass } = place
  const tls = endpoint === null || new URL(endpoint).protocol === 'https:'
  return {
    ...described,
    folder: null,
    s3: { endpoint, region, bucket, prefix, pathStyle, storageClass, tls, credentials },
  }
}

function renderProbe(matrix: CapabilityMatrix | null): StoreView['probe'] {
  if (matrix === null) return null
  const { isUsable, isArbiter, advice } = judgeStore(matrix)
  return {
    at: isoTime(matrix.probedAtMs),
    tookSec: matrix.tookMs / 1000,
    usable: isUsable,
    arbiter: isArbiter,
    capabilities: CAPABILITY_IDS.map((id) => ({ id, title: CAPABILITIES[id].title, ...matrix.answers[id] })),
    advice: [...advice],
  }
}
