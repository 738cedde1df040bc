// What was asked back from the archive tier of a folder store: a wish first, a copy once its time has come, neither when
// it has expired. A copy stays beside the archived object, as stores of that kind have it.
import { z } from 'zod'
import type { ByteRange } from './byte-range.ts'
import { collect } from './collect.ts'
import type { FolderTier } from './folder-tier.ts'
import type { ObjectBody, ObjectInfo, ObjectKey, StoreCall } from './object-store.ts'
import type { RestoreState } from './tiers.ts'

const wishSchema = z.object({
  /** Of the archived object; another one under its key was never asked for. */
  etag: z.string(),
  readyAtMs: z.number(),
  /** Null: the copy is not there yet. */
  untilMs: z.number().nullable(),
})
type Wish = z.infer<typeof wishSchema>

export interface FolderRestoresHost {
  readonly copies: FolderTier
  readonly wishes: FolderTier
  readonly delayMs: number
  readonly nowMs: () => number
}

export class FolderRestores {
  readonly #host: FolderRestoresHost

  constructor(host: FolderRestoresHost) {
    this.#host = host
  }

  async state({ key, etag }: Pick<ObjectInfo, 'key' | 'etag'>, call: StoreCall): Promise<RestoreState> {
    const wish = await this.#wish(key, call)
    if (wish === null || wish.etag !== etag) return { kind: 'archived' }
    if (wish.untilMs === null) return { kind: 'restoring', readyAtMs: wish.readyAtMs }
    if (this.#host.nowMs() < wish.untilMs) return { kind: 'restored', untilMs: wish.untilMs }
    await this.drop(key)
    return { kind: 'archived' }
  }

  /** Of what `state` calls restored. */
  async get(key: ObjectKey, call: StoreCall & { readonly range?: ByteRange }): Promise<ObjectBody | null> {
    return await this.#host.copies.get(key, call)
  }

  async restore(
    info: ObjectInfo,
    archive: FolderTier,
    call: StoreCall & { readonly keepMs: number },
  ): Promise<RestoreState> {
    const { delayMs, nowMs, copies } = this.#host
    const { key, etag } = info
    const state = await this.state(info, call)
    const untilMs = nowMs() + call.keepMs
    if (state.kind === 'restored') {
      if (state.untilMs === null || state.untilMs >= untilMs) return state
      await this.#write(key, { etag, readyAtMs: nowMs(), untilMs }, call)
      return { kind: 'restored', untilMs }
    }
    const readyAtMs = state.kind === 'restoring' ? (state.readyAtMs ?? nowMs()) : nowMs() + delayMs
    if (state.kind === 'archived') await this.#write(key, { etag, readyAtMs, untilMs: null }, call)
    if (nowMs() < readyAtMs) return { kind: 'restoring', readyAtMs }
    await using body = await archive.get(key, call)
    if (body === null || body.info.etag !== etag) return { kind: 'archived' } // It was deleted or moved meanwhile.
    const written = await copies.write(key, body.chunks, call.signal)
    try {
      await copies.place(written, { ifAbsent: false })
    } catch (error) {
      await copies.discard(written)
      throw error
    }
    await this.#write(key, { etag, readyAtMs, untilMs }, call)
    return { kind: 'restored', untilMs }
  }

  async drop(key: ObjectKey): Promise<void> {
    await this.#host.wishes.delete(key)
    await this.#host.copies.delete(key)
  }

  /** Takes away copies whose time is over and that nobody asked for since. How many. */
  async sweep(call: StoreCall): Promise<number> {
    const { wishes, nowMs } = this.#host
    let swept = 0
    for await (const key of wishes.keys('', call)) {
      const wish = await this.#wish(key, call)
      if (wish !== null && (wish.untilMs === null || nowMs() < wish.untilMs)) continue
      await this.drop(key)
      swept += 1
    }
    return swept
  }

  async #wish(key: ObjectKey, call: StoreCall): Promise<Wish | null> {
    await using body = await this.#host.wishes.get(key, call)
    if (body === null) return null
    const parsed = wishSchema.safeParse(parseOrNull(Buffer.from(await collect(body.chunks)).toString('utf8')))
    return parsed.success ? parsed.data : null // Damaged: whoever wants the object asks again.
  }

  async #write(key: ObjectKey, wish: Wish, { signal }: StoreCall): Promise<void> {
    const { wishes } = this.#host
    const written = await wishes.write(key, Buffer.from(JSON.stringify(wish)), signal)
    await wishes.place(written, { ifAbsent: false })
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
