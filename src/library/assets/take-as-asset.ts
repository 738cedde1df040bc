// Bytes from wherever they come become an asset, or leave nothing behind.
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { type Intake, takeIn } from '../intake/intake.ts'
import { sniffType } from '../intake/sniff.ts'
import type { AssetShelf, CreatedAsset, NewAsset } from './asset-shelf.ts'

const CLEANUP_MS = 10_000

export interface TakeHost {
  readonly assets: Pick<Catalog['assets'], 'get'>
  readonly shelf: Pick<AssetShelf, 'create'>
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly maxBytes: number
}

export interface AssetSource {
  readonly chunks: AsyncIterable<Uint8Array>
  /** Null: the source does not say. */
  readonly declaredBytes: number | null
  /** Where it comes from, for people: "shop.example". */
  readonly from: string
  /** Told how much has come. */
  readonly onBytes: (done: number) => void
  /** After all bytes were read, before the asset is made: throws what is wrong with them. */
  readonly check?: (intake: Intake) => Promise<void> | void
  readonly signal: AbortSignal
}

/** Throws `upload_empty`, what `takeIn` and `check` throw, `database_unavailable`. `id` is of this call alone. */
export async function takeAsAsset(
  { assets, shelf, store, maxBytes }: TakeHost,
  sent: Omit<NewAsset, 'intake'>,
  { chunks, declaredBytes, from, onBytes, check, signal }: AssetSource,
): Promise<CreatedAsset> {
  const key = assetOriginalKey(sent.tenantId, sent.id)
  const intake = await takeIn(counted(chunks, onBytes), {
    ...{ store, key, signal, limits: { maxBytes, declaredBytes } },
    contentTypeOf: (head) => sniffType(head).mediaType,
  })
  try {
    if (intake.sizeBytes === 0) throw new MirrorError('upload_empty', `What ${from} sent has no bytes`)
    await check?.(intake)
    return await shelf.create({ ...sent, intake })
  } catch (error) {
    await discardUnlessKept({ assets, store }, sent)
    throw error
  }
}

/** After an asset could not be made: its bytes go, unless its row is there already, which goes on by itself. Never rejects. */
export async function discardUnlessKept(
  { assets, store }: Pick<TakeHost, 'assets'> & { readonly store: Pick<ObjectStore, 'delete'> },
  { tenantId, id }: Pick<NewAsset, 'tenantId' | 'id'>,
): Promise<void> {
  const isKept = await assets.get(tenantId, id).then(
    (asset) => asset !== null,
    () => true,
  )
  if (isKept) return
  await store.delete([assetOriginalKey(tenantId, id)], { signal: AbortSignal.timeout(CLEANUP_MS) }).catch(() => {})
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let done = 0
  for await (const chunk of chunks) {
    done += chunk.byteLength
    tell(done)
    yield chunk
  }
}
