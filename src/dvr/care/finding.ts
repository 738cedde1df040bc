// What a check of recordings finds, in the words that report, command line and API share.

export type FindingCode =
  | 'index_missing'
  | 'index_damaged'
  | 'stream_index_missing'
  | 'stream_index_damaged'
  | 'hour_unlisted'
  | 'hour_lost'
  | 'media_missing'
  | 'media_size'
  | 'media_damaged'
  | 'init_missing'
  | 'init_damaged'
  | 'orphan'
  | 'unknown_object'
  | 'unknown_stream'

/** `error`: something cannot be played; `warning`: something lies about; `info`: good to know. */
export type Severity = 'error' | 'warning' | 'info'

export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** Of the object it is about, also when it is not there. */
  readonly key: string
  /** What it means, in one sentence. */
  readonly message: string
  /** What was done about it, or why nothing could be; null: repair was not asked for. */
  readonly repair: string | null
}

/** Beyond this many a report only counts. */
const MAX_FINDINGS = 20_000

export interface FindingCounts {
  readonly error: number
  readonly warning: number
  readonly info: number
}

export class Findings {
  readonly #list: Finding[] = []
  readonly #counts = { error: 0, warning: 0, info: 0 }

  add(finding: Finding): void {
    this.#counts[finding.severity] += 1
    if (this.#list.length < MAX_FINDINGS) this.#list.push(finding)
  }

  get list(): readonly Finding[] {
    return this.#list
  }

  get counts(): FindingCounts {
    return { ...this.#counts }
  }
}
