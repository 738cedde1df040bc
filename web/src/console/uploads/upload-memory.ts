// Which uploads this browser has begun, kept over reloads: whoever chooses the same file again goes on where it was.

export interface BegunUpload {
  readonly fingerprint: string
  /** Of the upload on the server. */
  readonly uploadId: string
  readonly name: string
  readonly folder: string
  readonly sizeBytes: number
}

const KEY = 'mirror.uploads'
/** The oldest goes when one more comes: by then it has expired on the server. */
const KEPT_MAX = 200

export class UploadMemory {
  readonly #storage: Pick<Storage, 'getItem' | 'setItem'>

  constructor(storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = storage
  }

  /** Oldest first. */
  all(): readonly BegunUpload[] {
    try {
      const kept: unknown = JSON.parse(this.#storage.getItem(KEY) ?? '[]')
      return Array.isArray(kept) ? kept.filter(isBegun) : []
    } catch {
      return []
    }
  }

  find(fingerprint: string): BegunUpload | null {
    return this.all().find((each) => each.fingerprint === fingerprint) ?? null
  }

  put(upload: BegunUpload): void {
    this.#write([...this.all().filter(({ fingerprint }) => fingerprint !== upload.fingerprint), upload])
  }

  forget(fingerprint: string): void {
    const all = this.all()
    if (all.some((each) => each.fingerprint === fingerprint))
      this.#write(all.filter((each) => each.fingerprint !== fingerprint))
  }

  #write(uploads: readonly BegunUpload[]): void {
    try {
      this.#storage.setItem(KEY, JSON.stringify(uploads.slice(-KEPT_MAX)))
    } catch {
      // Full, or not allowed: uploads go on all the same, and cannot be resumed after a reload.
    }
  }
}

function isBegun(value: unknown): value is BegunUpload {
  if (typeof value !== 'object' || value === null) return false
  const { fingerprint, uploadId, name, folder, sizeBytes } = value as Record<string, unknown>
  return (
    [fingerprint, uploadId, name, folder].every((each) => typeof each === 'string') && typeof sizeBytes === 'number'
  )
}
