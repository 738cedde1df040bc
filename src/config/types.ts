/** The whole configuration after loading: frozen, every default filled in. Durations in ms, sizes in bytes. */
export interface Config {
  readonly dataDir: string
  readonly bind: string
  /** Base URL under which viewers and encoders reach this server; null: derived from bind and port. */
  readonly publicUrl: string | null
  /** Addresses and prefixes, as `parseAddressSet` reads them: no limits per address for these. */
  readonly trustedAddresses: string
  readonly api: {
    readonly port: number
    readonly maxConnections: number
    readonly maxConnectionsPerAddress: number
  }
  readonly media: {
    readonly port: number
    /** Media worker threads; null: one per core. */
    readonly workers: number | null
    readonly tls: { readonly certFile: string; readonly keyFile: string } | null
    readonly maxConnections: number
    readonly maxConnectionsPerAddress: number
  }
  readonly rtmp: { readonly enabled: boolean; readonly port: number }
  readonly srt: {
    readonly enabled: boolean
    readonly port: number
    readonly latencyMs: number
    /** AES passphrase (10–79 characters) that every SRT publisher must use; null: no encryption. */
    readonly passphrase: string | null
  }
  readonly ingest: {
    readonly maxPublishers: number
    /** Of one protocol. */
    readonly maxConnectionsPerAddress: number
    readonly maxFragmentBytes: number
    readonly idleTimeoutMs: number
  }
  /** Null: half of the memory that the process may use. */
  readonly window: { readonly maxBytes: number | null }
  readonly database: { readonly kind: 'sqlite' } | { readonly kind: 'postgres'; readonly url: string }
  /** Folder of the default store; null: `store` in the data folder. */
  readonly store: { readonly path: string | null }
  /** `database` needs PostgreSQL. */
  readonly timeline: { readonly arbiter: 'store' | 'database' }
  readonly adminToken: string | null
  readonly ffmpeg: { readonly path: string }
  readonly metrics: { readonly access: 'loopback' | 'key' | 'public' }
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'auto' | 'json' | 'pretty' }
}
