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
  readonly store: StoreConfig
  readonly archive: {
    /** Of folders. */
    readonly restoreDelayMs: number
    readonly keepRestoredMs: number
    readonly restoreOnPlay: boolean
  }
  /** `database` needs PostgreSQL. */
  readonly timeline: { readonly arbiter: 'store' | 'database' }
  readonly dvr: {
    /** Null: `spool` in the data folder. */
    readonly spoolPath: string | null
    /** Null: a tenth of the disk, at most 20 GiB. */
    readonly spoolMaxBytes: number | null
    /** Null: `cache` in the data folder. */
    readonly cachePath: string | null
    /** Null: a tenth of the disk, at most 50 GB; 0: no read cache. */
    readonly cacheMaxBytes: number | null
    /** How long recorded media stays in the spool at least; null: 5 min before a bucket, 30 s before a folder. */
    readonly flushMs: number | null
  }
  readonly adminToken: string | null
  readonly uploads: { readonly maxUnfinished: number; readonly expireMs: number; readonly keepFreeBytes: number }
  /** Where files may be pulled from besides public addresses, as `parseHostSet` reads it. */
  readonly pull: { readonly allow: string }
  /** Uploaded content. */
  readonly assets: { readonly maxBytes: number; readonly trashMs: number }
  /** What is watched below a prefix of the store; null: nothing. */
  readonly incoming: {
    readonly prefix: string
    readonly everyMs: number
    readonly settleMs: number
    readonly isKept: boolean
  } | null
  /** Running jobs of a limited kind that one tenant may have. */
  readonly jobs: { readonly perTenant: number }
  /** Of sound and video: what is longer is not processed; `stepMs` for each run of ffmpeg, or job of MediaConvert. */
  readonly processing: {
    readonly maxDurationSec: number
    readonly stepMs: number
    /** Null: ffmpeg makes the files of videos. Only with a bucket at AWS. */
    readonly mediaConvert: MediaConvertConfig | null
  }
  /** Of calls. */
  readonly recordings: {
    readonly maxBytes: number
    /** What applies to tenants without a policy of their own: days since one came in; 0: never. */
    readonly standard: {
      readonly hotToWarmDays: number
      readonly warmToColdDays: number
      readonly retentionDays: number
    }
    /** As what the sound of a WAV is kept once it goes to a colder tier. */
    readonly coldFormat: 'original' | 'flac' | 'opus'
    /** Moving and deleting by itself, for all tenants. */
    readonly isLifecycleOn: boolean
  }
  readonly ffmpeg: { readonly path: string }
  readonly metrics: { readonly access: 'loopback' | 'key' | 'public' }
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'auto' | 'json' | 'pretty' }
}

export interface MediaConvertConfig {
  readonly roleArn: string
  readonly region: string
  /** Null: that of the region. */
  readonly endpoint: string | null
  /** Null: the default queue of the account. */
  readonly queue: string | null
}

export type StoreConfig =
  /** Null: `store` in the data folder. */
  | {
      readonly kind: 'folder'
      readonly path: string | null
      /** Null: beside the hot objects. */
      readonly tiers: Readonly<Record<'warm' | 'cold' | 'archive', string | null>>
    }
  | { readonly kind: 's3'; readonly s3: S3StoreConfig }

/** As `S3Settings` of the storage layer, which explains each field. */
export interface S3StoreConfig {
  readonly endpoint: string | null
  readonly region: string
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  readonly credentials: { readonly accessKey: string; readonly secretKey: string } | null
  readonly pathStyle: boolean
  readonly storageClass: string | null
  readonly tierClasses: { readonly warm?: string; readonly cold?: string; readonly archive?: string }
  readonly partBytes: number
  readonly uploadConcurrency: number
}
