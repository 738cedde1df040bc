// The one description of every setting: what may be written, its default, where else it can be set, and what it
// trades. The loader, `mirror serve --help`, deploy/mirror.example.yml and docs/reference/configuration.md derive from it.
import { isIP } from 'node:net'
import { z } from 'zod'
import { parseAddressSet } from '../core/address-set.ts'
import { parseDuration } from '../core/duration.ts'
import { parseHostSet } from '../core/host-set.ts'
import { parseSize } from '../core/size.ts'

export type SettingKind = 'text' | 'path' | 'integer' | 'boolean' | 'duration' | 'size' | 'choice' | 'secret'
export type WrittenValue = string | number | boolean | null

export interface Setting {
  /** How a text from the environment or a flag becomes a value, and how a path or secret is resolved. */
  readonly kind: SettingKind
  /** As it is written in the file. */
  readonly default: WrittenValue
  /** `S3_…` are the names that object stores are commonly given by, `RECORDING_…` those of recordings of calls. */
  readonly env?: `MIRROR_${string}` | `S3_${string}` | `RECORDING_${string}`
  /** `--no-…` is a switch that turns a boolean off; every other flag takes a value. */
  readonly flag?: `--${string}`
  /** The words after a flag that takes a value, and the values a file may hold. */
  readonly values: string
  /** What it does, in one sentence. */
  readonly about: string
  /** What a higher or lower value, or the other choice, costs. */
  readonly tradeOff: string
}

const settings = z.registry<Setting>()

/** `values` is also the end of the sentence "… must be": one text for the manual and for the error. */
function key<S extends z.ZodType>(make: (expected: string) => S, setting: Setting): z.ZodPrefault<S> {
  const schema = make(setting.values).prefault(setting.default as z.input<S>)
  settings.add(schema, setting)
  return schema
}

const port = (expected: string) => z.int(expected).min(0, expected).max(65_535, expected)
const count = (min: number, max: number) => (expected: string) => z.int(expected).min(min, expected).max(max, expected)
const text = (pattern: RegExp) => (expected: string) => z.string(expected).regex(pattern, expected)
const yesOrNo = (expected: string) => z.boolean(expected)
const oneOf =
  <const T extends readonly [string, ...string[]]>(...choices: T) =>
  (expected: string) =>
    z.enum(choices, expected)
const optional =
  <S extends z.ZodType>(make: (expected: string) => S) =>
  (expected: string) =>
    z.nullable(make(expected))

/** A number of bytes or milliseconds, written with its unit and kept within bounds that make sense. */
const measured =
  (parse: (text: string) => number | null, min: string, max: string) =>
  (expected: string): z.ZodType<number, string> =>
    z.string(expected).transform((written, context) => {
      const value = parse(written)
      if (value !== null && value >= (parse(min) ?? 0) && value <= (parse(max) ?? Number.MAX_SAFE_INTEGER)) return value
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })

const baseUrl = (expected: string) =>
  z
    .url({ protocol: /^https?$/, error: expected })
    .refine((url) => !/[?#]/.test(url), expected)
    .transform((url) => url.replace(/\/+$/, ''))

const address = (expected: string) =>
  z
    .string(expected)
    .refine((written) => isIP(written) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(written), expected)

const addresses = (expected: string) =>
  z.string(expected).refine((written) => parseAddressSet(written) !== null, expected)

const hosts = (expected: string) => z.string(expected).refine((written) => parseHostSet(written) !== null, expected)

/** None of the prefixes that Mirror writes to itself. */
const INCOMING_PREFIX =
  /^(?:(?!(?:assets|backup|direct|dvr|probe|recordings|slates|timeline)\/)(?:[A-Za-z0-9_-]{1,64}\/){1,5})?$/

export const CONFIG_SCHEMA = z.strictObject({
  data: key(text(/\S/), {
    kind: 'path',
    default: './data',
    env: 'MIRROR_DATA',
    flag: '--data',
    values: 'a folder',
    about: 'Where the database, the secrets and the local store live.',
    tradeOff:
      'Choose a local disk with room to grow; only one Mirror can use it at a time. A relative path counts from the folder of the file, or from the working directory when it is given by flag or environment.',
  }),
  bind: key(address, {
    kind: 'text',
    default: '127.0.0.1',
    env: 'MIRROR_BIND',
    flag: '--bind',
    values: 'an IP address or host name',
    about: 'The address that all ports listen on.',
    tradeOff:
      '127.0.0.1 is reachable from this machine only. 0.0.0.0 opens Mirror to the network, and playback is public there.',
  }),
  publicUrl: key(optional(baseUrl), {
    kind: 'text',
    default: null,
    env: 'MIRROR_PUBLIC_URL',
    flag: '--public-url',
    values: 'an http(s):// address without query',
    about: 'The address under which viewers reach the media port, for example behind a proxy; used in links.',
    tradeOff: 'When it is not set, links are made from bind and media.port, which is right on one machine.',
  }),
  trustedAddresses: key(addresses, {
    kind: 'text',
    default: '127.0.0.0/8, ::1',
    env: 'MIRROR_TRUSTED_ADDRESSES',
    values: 'addresses or prefixes such as 10.0.0.0/8, with commas between them',
    about: 'Who may hold any number of connections: your proxies, CDN edges, and networks behind one address.',
    tradeOff:
      'The limits per address protect Mirror from single strangers, and would cut off an edge that brings thousands of viewers. Replaces the default, so name 127.0.0.0/8 again if a proxy runs on this machine.',
  }),
  adminToken: key(optional(text(/^[\x21-\x7e]+$/)), {
    kind: 'secret',
    default: null,
    env: 'MIRROR_ADMIN_TOKEN',
    values: 'printable characters without spaces',
    about: 'An API key with administrator rights that exists from the first start.',
    tradeOff: 'Handy for automation, but it cannot be revoked in the console; take at least 16 random characters.',
  }),
  api: z
    .strictObject({
      port: key(port, {
        kind: 'integer',
        default: 8080,
        env: 'MIRROR_API_PORT',
        flag: '--api-port',
        values: 'a port from 0 to 65535',
        about: 'HTTP port of the console, the API, /health and /metrics.',
        tradeOff: '0 takes a free port, which the start text names.',
      }),
      maxConnections: key(count(1, 1_000_000), {
        kind: 'integer',
        default: 10_000,
        values: 'a number from 1 to 1000000',
        about:
          'Open connections to the API port, WebSockets included; beyond them idle ones give way, then new ones are refused.',
        tradeOff: 'Every viewer page that follows live figures holds one.',
      }),
      maxConnectionsPerAddress: key(count(1, 1_000_000), {
        kind: 'integer',
        default: 1000,
        values: 'a number from 1 to 1000000',
        about: 'Of these, from one IPv4 address or IPv6 /64 network; trustedAddresses are exempt.',
        tradeOff: 'Low values protect from single strangers; offices and mobile carriers share addresses.',
      }),
    })
    .prefault({}),
  media: z
    .strictObject({
      port: key(port, {
        kind: 'integer',
        default: 8888,
        env: 'MIRROR_MEDIA_PORT',
        flag: '--media-port',
        values: 'a port from 0 to 65535',
        about: 'HTTP port of playlists, segments, the player page and CMAF ingest.',
        tradeOff: 'Put a CDN or proxy in front of this port, not of the API.',
      }),
      workers: key(optional(count(1, 256)), {
        kind: 'integer',
        default: null,
        flag: '--media-workers',
        values: 'a number from 1 to 256',
        about: 'Threads that package and deliver media; not set means one per core.',
        tradeOff: 'More than the cores only costs memory; fewer leaves room for other programs.',
      }),
      maxConnections: key(count(1, 1_000_000), {
        kind: 'integer',
        default: 10_000,
        values: 'a number from 1 to 1000000',
        about:
          'Open viewer connections of the whole process; beyond them idle ones give way, then new ones are refused.',
        tradeOff: 'Each costs memory and a file descriptor: raise "ulimit -n" together with it.',
      }),
      maxConnectionsPerAddress: key(count(1, 1_000_000), {
        kind: 'integer',
        default: 500,
        values: 'a number from 1 to 1000000',
        about: 'Of these, from one IPv4 address or IPv6 /64 network; trustedAddresses are exempt.',
        tradeOff: 'Low values protect from single strangers; offices and mobile carriers share addresses.',
      }),
      tls: z
        .strictObject({
          cert: key(optional(text(/\S/)), {
            kind: 'path',
            default: null,
            values: 'a PEM file',
            about: 'Certificate chain for HTTPS and HTTP/2 on the media port; needs media.tls.key.',
            tradeOff: 'A front proxy can renew certificates by itself; Mirror reads the files once, at start.',
          }),
          key: key(optional(text(/\S/)), {
            kind: 'path',
            default: null,
            values: 'a PEM file',
            about: 'Private key of that certificate.',
            tradeOff: 'Let only the user that runs Mirror read it.',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  rtmp: z
    .strictObject({
      enabled: key(yesOrNo, {
        kind: 'boolean',
        default: true,
        flag: '--no-rtmp',
        values: 'true or false',
        about: 'Whether encoders can publish by RTMP.',
        tradeOff: 'RTMP sends keys and media in clear: turn it off where encoders can use SRT.',
      }),
      port: key(port, {
        kind: 'integer',
        default: 1935,
        env: 'MIRROR_RTMP_PORT',
        flag: '--rtmp-port',
        values: 'a port from 0 to 65535',
        about: 'TCP port for RTMP, one for all streams.',
        tradeOff: 'Encoders assume 1935; another port must be written into their server address.',
      }),
    })
    .prefault({}),
  srt: z
    .strictObject({
      enabled: key(yesOrNo, {
        kind: 'boolean',
        default: true,
        flag: '--no-srt',
        values: 'true or false',
        about: 'Whether encoders can publish by SRT.',
        tradeOff: 'Without libsrt on the machine Mirror starts with SRT off and says so.',
      }),
      port: key(port, {
        kind: 'integer',
        default: 6000,
        env: 'MIRROR_SRT_PORT',
        flag: '--srt-port',
        values: 'a port from 0 to 65535',
        about: 'UDP port for SRT, one for all streams.',
        tradeOff: 'Open it for UDP in the firewall.',
      }),
      latency: key(measured(parseDuration, '20ms', '8s'), {
        kind: 'duration',
        default: '100ms',
        flag: '--srt-latency',
        values: 'a duration from 20ms to 8s',
        about: 'How long SRT waits for lost packets to be sent again.',
        tradeOff:
          'It adds to the delay of every viewer; take three to four times the round-trip time. The encoder may ask for more.',
      }),
      passphrase: key(optional(text(/^[\x20-\x7e]{10,79}$/)), {
        kind: 'secret',
        default: null,
        values: '10 to 79 printable characters',
        about: 'AES passphrase that every SRT publisher must use.',
        tradeOff: 'Not set means no encryption: stream keys and media then travel in clear.',
      }),
    })
    .prefault({}),
  ingest: z
    .strictObject({
      maxPublishers: key(count(1, 10_000), {
        kind: 'integer',
        default: 100,
        values: 'a number from 1 to 10000',
        about: 'Publishers that may be connected at once, over all protocols.',
        tradeOff: 'A limit keeps one runaway encoder farm from taking the machine from everybody.',
      }),
      maxConnectionsPerAddress: key(count(1, 10_000), {
        kind: 'integer',
        default: 20,
        values: 'a number from 1 to 10000',
        about:
          'RTMP connections, and SRT ones, from one IPv4 address or IPv6 /64 network; trustedAddresses are exempt.',
        tradeOff: 'A studio behind one address has several encoders; a loop of reconnects has hundreds.',
      }),
      maxFragmentBytes: key(measured(parseSize, '64KiB', '1GiB'), {
        kind: 'size',
        default: '32MiB',
        values: 'a size from 64KiB to 1GiB',
        about: 'Largest single fragment or access unit an input may send.',
        tradeOff: 'It bounds the memory one publisher can take; 2 s at 50 Mbit/s are 12 MiB.',
      }),
      idleTimeout: key(measured(parseDuration, '1s', '10m'), {
        kind: 'duration',
        default: '10s',
        values: 'a duration from 1s to 10m',
        about: 'A publisher that sends nothing for this long is disconnected.',
        tradeOff: 'Shorter frees the stream sooner for a reconnect; longer forgives a stalled uplink.',
      }),
    })
    .prefault({}),
  window: z
    .strictObject({
      maxBytes: key(optional(measured(parseSize, '64MiB', '1TiB')), {
        kind: 'size',
        default: null,
        values: 'a size from 64MiB to 1TiB',
        about:
          'Memory for the live windows of all streams together; beyond it a new publisher is refused. Not set means half of the memory that Mirror may use.',
        tradeOff:
          'Used only as streams need it. A stream takes about a minute of its bit rate: 45 MB at 6 Mbit/s, 375 MB at 50 Mbit/s.',
      }),
    })
    .prefault({}),
  database: z
    .strictObject({
      url: key(optional(text(/^postgres(ql)?:\/\/\S+$/)), {
        kind: 'secret',
        default: null,
        env: 'MIRROR_DATABASE_URL',
        flag: '--database-url',
        values: 'a postgres:// address',
        about: 'PostgreSQL for the catalog; not set means an SQLite file in the data folder.',
        tradeOff: 'SQLite needs nothing and serves one machine; PostgreSQL lets several machines share one catalog.',
      }),
    })
    .prefault({}),
  store: z
    .strictObject({
      path: key(optional(text(/\S/)), {
        kind: 'path',
        default: null,
        values: 'a folder',
        about: 'Where media objects and timeline entries are kept; not set means `store` in the data folder.',
        tradeOff:
          'Two Mirrors that share this folder name the same media alike and can stand in for each other. It needs hard links and fsync that works: a local disk, or a network file system you trust.',
      }),
      tiers: z
        .strictObject({
          warm: key(optional(text(/\S/)), {
            kind: 'path',
            default: null,
            values: 'a folder',
            about: 'Where objects of the tier warm are kept; not set means `warm` beside the hot ones.',
            tradeOff: 'It may be another, larger disk; what is read there is as fast as that disk.',
          }),
          cold: key(optional(text(/\S/)), {
            kind: 'path',
            default: null,
            values: 'a folder',
            about: 'Where objects of the tier cold are kept; not set means `cold` beside the hot ones.',
            tradeOff: 'As above.',
          }),
          archive: key(optional(text(/\S/)), {
            kind: 'path',
            default: null,
            values: 'a folder',
            about: 'Where objects of the tier archive are kept; not set means `archive` beside the hot ones.',
            tradeOff: 'What is there has to be restored before it is played, so the disk may sleep.',
          }),
        })
        .prefault({}),
      s3: z
        .strictObject({
          bucket: key(optional(text(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}$/)), {
            kind: 'text',
            default: null,
            env: 'S3_BUCKET',
            values: 'the name of a bucket',
            about: 'A bucket of an S3 store in the place of the folder; it must exist.',
            tradeOff:
              'Origins on different machines can share it. It must honour conditional creation, which Mirror finds out; where it does not, set timeline.arbiter to database.',
          }),
          endpoint: key(optional(baseUrl), {
            kind: 'text',
            default: null,
            env: 'S3_ENDPOINT',
            values: 'an http(s):// address without query',
            about: 'Address of the S3 store; not set means AWS.',
            tradeOff: 'Take one that is near: every new timeline entry waits for its answer, for at most a second.',
          }),
          region: key(text(/^[A-Za-z0-9-]{1,64}$/), {
            kind: 'text',
            default: 'us-east-1',
            env: 'S3_REGION',
            values: 'the name of a region',
            about: 'Region of the bucket; most stores other than AWS take any.',
            tradeOff: 'It is part of the signature: a wrong one is refused.',
          }),
          accessKey: key(optional(text(/^[\x21-\x7e]+$/)), {
            kind: 'secret',
            default: null,
            env: 'S3_ACCESS_KEY',
            values: 'printable characters without spaces',
            about: 'Access key; needs store.s3.secretKey.',
            tradeOff: 'Not set means what the AWS SDK finds: the role of the machine, AWS_… variables or a profile.',
          }),
          secretKey: key(optional(text(/^[\x21-\x7e]+$/)), {
            kind: 'secret',
            default: null,
            env: 'S3_SECRET_KEY',
            values: 'printable characters without spaces',
            about: 'Secret key of that access key.',
            tradeOff: 'Give it the rights to get, put, delete and list in this bucket and no more.',
          }),
          pathStyle: key(optional(yesOrNo), {
            kind: 'boolean',
            default: null,
            env: 'S3_FORCE_PATH_STYLE',
            values: 'true or false',
            about:
              'Whether the bucket is written in the path of an address instead of its host name; not set means true with an endpoint of your own and false with AWS.',
            tradeOff: 'A host name per bucket needs DNS and certificates for it; AWS wants it.',
          }),
          prefix: key(text(/^(?![/])(?!.*(?:^|[/])[.]{1,2}(?:[/]|$))(?!.*[/]{2})[\x20-\x7e]{0,200}$/), {
            kind: 'text',
            default: '',
            values: 'a folder-like text of up to 200 characters that does not start with a slash',
            about: 'What stands before every key, so that a bucket can be shared with others.',
            tradeOff: 'All origins of one installation must have the same.',
          }),
          storageClass: key(optional(text(/^[A-Z0-9_]{1,64}$/)), {
            kind: 'text',
            default: null,
            values: 'a storage class of the store, such as STANDARD_IA',
            about: 'Storage class of new objects; not set leaves it to the store.',
            tradeOff: 'Cheaper classes bill a minimum time and size, and reads.',
          }),
          tierClasses: z
            .strictObject({
              warm: key(optional(text(/^[A-Z0-9_]{1,64}$/)), {
                kind: 'text',
                default: null,
                values: 'a storage class of the store, such as STANDARD_IA',
                about: 'Storage class of the tier warm; not set means STANDARD_IA.',
                tradeOff: 'Cheaper classes bill a minimum time and size, and reads.',
              }),
              cold: key(optional(text(/^[A-Z0-9_]{1,64}$/)), {
                kind: 'text',
                default: null,
                values: 'a storage class of the store, such as GLACIER_IR',
                about: 'Storage class of the tier cold; not set means GLACIER_IR.',
                tradeOff: 'Cheaper classes bill a minimum time and size, and reads.',
              }),
              archive: key(optional(text(/^[A-Z0-9_]{1,64}$/)), {
                kind: 'text',
                default: null,
                values: 'a storage class of the store, such as DEEP_ARCHIVE',
                about: 'Storage class of the tier archive; not set means GLACIER.',
                tradeOff: 'Cheaper classes bill a minimum time and size, and reads.',
              }),
            })
            .prefault({}),
          partSize: key(measured(parseSize, '5MiB', '1GiB'), {
            kind: 'size',
            default: '10MiB',
            values: 'a size from 5MiB to 1GiB',
            about: 'Bodies longer than this go up in parts of this size.',
            tradeOff: 'An object can have 10000 parts; each part under way is held in memory.',
          }),
          uploadConcurrency: key(count(1, 256), {
            kind: 'integer',
            default: 20,
            values: 'a number from 1 to 256',
            about: 'Uploads to the bucket at once; further ones wait.',
            tradeOff: 'More fills a fast line; times partSize it bounds the memory that uploads take.',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  archive: z
    .strictObject({
      restoreDelay: key(measured(parseDuration, '0s', '2d'), {
        kind: 'duration',
        default: '1m',
        values: 'a duration from 0s to 2d',
        about: 'How long an object of the tier archive on folders takes to come back; buckets take their own time.',
        tradeOff: 'Long enough for a disk to wake up, or as long as the store that you are trying out here.',
      }),
      keepRestored: key(measured(parseDuration, '1h', '365d'), {
        kind: 'duration',
        default: '3d',
        values: 'a duration from 1h to 365d',
        about: 'How long what was restored stays readable; buckets count whole days.',
        tradeOff: 'It takes space twice as long as it is there.',
      }),
      restoreOnPlay: key(optional(yesOrNo), {
        kind: 'boolean',
        default: null,
        values: 'true or false',
        about:
          'Whether a viewer who asks for archived media has its hour restored; not set means true on folders and false on buckets.',
        tradeOff: 'Buckets charge for every restore, and anybody who may watch can ask.',
      }),
    })
    .prefault({}),
  timeline: z
    .strictObject({
      arbiter: key(oneOf('store', 'database'), {
        kind: 'choice',
        default: 'store',
        values: 'store or database',
        about: 'Where origins agree on timeline entries.',
        tradeOff: 'The store needs no other part; the database (PostgreSQL only) serves origins that share no folder.',
      }),
    })
    .prefault({}),
  dvr: z
    .strictObject({
      spool: key(optional(text(/\S/)), {
        kind: 'path',
        default: null,
        env: 'MIRROR_DVR_SPOOL',
        values: 'a folder',
        about: 'Where recordings are safe before they are in their store; not set means `spool` in the data folder.',
        tradeOff:
          'A fast local disk: every segment is written and synced here first, so that a store that is slow or away loses nothing.',
      }),
      spoolMaxBytes: key(optional(measured(parseSize, '16MiB', '16TiB')), {
        kind: 'size',
        default: null,
        values: 'a size from 16MiB to 16TiB',
        about: 'Most that may wait in the spool; not set means a tenth of its disk, at most 20 GiB.',
        tradeOff:
          'At 6 Mbit/s 20 GiB bridge a store that is away for 8 hours; beyond it recordings get gaps, live goes on.',
      }),
      cache: key(optional(text(/\S/)), {
        kind: 'path',
        default: null,
        env: 'MIRROR_DVR_CACHE',
        values: 'a folder',
        about:
          'Where copies of recordings that were read out of a bucket are kept; not set means `cache` in the data folder.',
        tradeOff:
          'A local disk; everything in it may be deleted while Mirror is stopped. Folder stores need no copies.',
      }),
      cacheMaxBytes: key(optional(measured(parseSize, '0B', '1PiB')), {
        kind: 'size',
        default: null,
        env: 'MIRROR_DVR_CACHE_MAX_BYTES',
        values: 'a size, 0B for no copies',
        about: 'Most that copies may take; not set means a tenth of the disk, at most 50 GB.',
        tradeOff: 'What many watch is read out of the bucket once; at 6 Mbit/s 50 GB hold 18 hours of one rendition.',
      }),
      flush: key(optional(measured(parseDuration, '1s', '1h')), {
        kind: 'duration',
        default: null,
        env: 'MIRROR_DVR_FLUSH',
        values: 'a duration from 1s to 1h',
        about:
          'How long media is collected in the spool before it goes to the store; not set means 5m to a bucket, 30s to a folder.',
        tradeOff:
          'What a lost machine loses at most; a bucket is written once for each track and flush, which is what it charges for.',
      }),
    })
    .prefault({}),
  uploads: z
    .strictObject({
      maxUnfinished: key(count(1, 100_000), {
        kind: 'integer',
        default: 100,
        values: 'a number from 1 to 100000',
        about: 'Resumable uploads that one user or API key may have begun and not finished.',
        tradeOff: 'Each keeps its space reserved until it is finished, deleted or expired.',
      }),
      expire: key(measured(parseDuration, '1m', '365d'), {
        kind: 'duration',
        default: '2d',
        values: 'a duration from 1m to 365d',
        about: 'How long an upload that nobody continues can still be resumed.',
        tradeOff: 'Longer forgives a weekend; what came of it takes its space all that time.',
      }),
      keepFree: key(measured(parseSize, '0B', '1PiB'), {
        kind: 'size',
        default: '1GiB',
        values: 'a size, 0B for none',
        about: 'Space on the disk of the data folder that uploads, and what is made of them, never take.',
        tradeOff: 'Recordings of live streams and the database need it: a full disk stops them.',
      }),
    })
    .prefault({}),
  pull: z
    .strictObject({
      allow: key(hosts, {
        kind: 'text',
        default: '',
        env: 'MIRROR_PULL_ALLOW',
        values: 'host names, addresses or prefixes such as pbx.lan, *.voice.lan, 10.1.0.0/16, with commas between them',
        about: 'Where files may be pulled from besides public addresses, for example a PBX in your own network.',
        tradeOff:
          'Whoever may upload can have Mirror fetch from there, so name single hosts. A name may lie in a private network or on this machine; link-local and metadata addresses are reached only if the address itself is named.',
      }),
    })
    .prefault({}),
  assets: z
    .strictObject({
      maxBytes: key(measured(parseSize, '1KiB', '5TiB'), {
        kind: 'size',
        default: '10GiB',
        env: 'MIRROR_ASSETS_MAX_BYTES',
        values: 'a size from 1KiB to 5TiB',
        about: 'Most that one uploaded file may have.',
        tradeOff:
          'What is longer is refused when it has reached this: anybody with an operator key can fill the store.',
      }),
      trash: key(measured(parseDuration, '1m', '365d'), {
        kind: 'duration',
        default: '30d',
        env: 'MIRROR_ASSETS_TRASH',
        values: 'a duration from 1m to 365d',
        about: 'How long deleted content lies in the trash, from which it can be restored.',
        tradeOff: 'It takes its space all that time; afterwards it is gone for good, with every rendition.',
      }),
    })
    .prefault({}),
  incoming: z
    .strictObject({
      prefix: key(text(INCOMING_PREFIX), {
        kind: 'text',
        default: '',
        env: 'MIRROR_INCOMING_PREFIX',
        values: 'names that end with a slash, such as incoming/, and no folder of Mirror itself; empty for none',
        about: 'What lies below it in the store, as `<prefix>default/<folder>/<name>`, becomes content.',
        tradeOff: 'Whoever may write there can fill the library; every look lists all that lies there.',
      }),
      every: key(measured(parseDuration, '5s', '1d'), {
        kind: 'duration',
        default: '1m',
        env: 'MIRROR_INCOMING_EVERY',
        values: 'a duration from 5s to 1d',
        about: 'How often is looked there.',
        tradeOff: 'A bucket charges for every thousand objects listed; with notifications an hour is enough.',
      }),
      settle: key(measured(parseDuration, '0s', '1d'), {
        kind: 'duration',
        default: '30s',
        env: 'MIRROR_INCOMING_SETTLE',
        values: 'a duration from 0s to 1d',
        about: 'How long a file must have been left unchanged before it is taken.',
        tradeOff: 'Longer than the longest pause of whoever writes; buckets show only what is whole, and need 0s.',
      }),
      keep: key(yesOrNo, {
        kind: 'boolean',
        default: false,
        env: 'MIRROR_INCOMING_KEEP',
        values: 'true or false',
        about: 'Whether what was taken stays there, too.',
        tradeOff: 'It takes its space twice.',
      }),
    })
    .prefault({}),
  processing: z
    .strictObject({
      maxDuration: key(measured(parseDuration, '1s', '7d'), {
        kind: 'duration',
        default: '12h',
        env: 'MIRROR_PROCESSING_MAX_DURATION',
        values: 'a duration from 1s to 7d',
        about: 'The longest sound or video of which renditions are made.',
        tradeOff: 'An hour of video keeps one core busy for about an hour; what is longer is kept as it came.',
      }),
      maxTime: key(measured(parseDuration, '10s', '7d'), {
        kind: 'duration',
        default: '12h',
        env: 'MIRROR_PROCESSING_MAX_TIME',
        values: 'a duration from 10s to 7d',
        about: 'How long one run of ffmpeg over a sound or video may take, or a job of MediaConvert.',
        tradeOff: 'It runs at the lowest priority but four: on a machine busy with live streams it waits for them.',
      }),
      mediaconvert: z
        .strictObject({
          roleArn: key(optional(text(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/)), {
            kind: 'text',
            default: null,
            env: 'MIRROR_MEDIACONVERT_ROLE_ARN',
            values: 'the ARN of an IAM role, such as arn:aws:iam::111122223333:role/mirror-mediaconvert',
            about:
              'The role with which AWS Elemental MediaConvert reads and writes the bucket; with it the files of videos are made there instead of by ffmpeg. Not set means ffmpeg.',
            tradeOff:
              'AWS charges for every minute that is made, and this machine is free for live; poster, storyboard and HLS are still made here.',
          }),
          region: key(optional(text(/^[a-z0-9-]{1,64}$/)), {
            kind: 'text',
            default: null,
            env: 'MIRROR_MEDIACONVERT_REGION',
            values: 'the name of a region',
            about: 'The region of MediaConvert; not set means that of the bucket.',
            tradeOff: 'AWS charges for what goes from one region to another.',
          }),
          endpoint: key(optional(baseUrl), {
            kind: 'text',
            default: null,
            env: 'MIRROR_MEDIACONVERT_ENDPOINT',
            values: 'an http(s):// address without query',
            about: 'Address of MediaConvert; not set means that of the region.',
            tradeOff: 'Only for a private endpoint (VPC) or one that an account was given once.',
          }),
          queue: key(optional(text(/^[\w:/. -]{1,512}$/)), {
            kind: 'text',
            default: null,
            env: 'MIRROR_MEDIACONVERT_QUEUE',
            values: 'the name or ARN of a queue',
            about: 'The queue that jobs wait in; not set means the default one of the account.',
            tradeOff: 'A queue of its own keeps long videos from holding up the other work of the account.',
          }),
        })
        .prefault({}),
    })
    .prefault({}),
  jobs: z
    .strictObject({
      perTenant: key(count(1, 1000), {
        kind: 'integer',
        default: 5,
        env: 'MIRROR_JOBS_PER_TENANT',
        values: 'a number from 1 to 1000',
        about:
          'How many uploads of one tenant are processed, and how many are fetched, at once: of each kind of job so many.',
        tradeOff:
          'Counted over all Mirrors of the database. More lets one tenant fill them; fewer lets workers stand idle.',
      }),
    })
    .prefault({}),
  recordings: z
    .strictObject({
      maxBytes: key(measured(parseSize, '1KiB', '5TiB'), {
        kind: 'size',
        default: '2GiB',
        env: 'MIRROR_RECORDINGS_MAX_BYTES',
        values: 'a size from 1KiB to 5TiB',
        about: 'Most that the recording of one call may have.',
        tradeOff: 'At 8 kHz and 16 bit 2 GiB are 37 hours of one channel; what is longer is refused.',
      }),
      retentionDays: key(count(0, 36_500), {
        kind: 'integer',
        default: 365,
        env: 'RECORDING_RETENTION_DAYS',
        values: 'a number of days from 0 to 36500; 0 keeps them for ever',
        about:
          'How long recordings of calls are kept, where a tenant has no policy of its own; fixed for each when it comes in.',
        tradeOff:
          'What is over goes by itself and cannot be had back: mind what the law asks you to keep, and to delete.',
      }),
      hotToWarmDays: key(count(0, 36_500), {
        kind: 'integer',
        default: 30,
        env: 'RECORDING_HOT_TO_WARM_DAYS',
        values: 'a number of days from 0 to 36500; 0 means never',
        about: 'The age at which recordings of calls go to the warm tier, where the store keeps one.',
        tradeOff: 'Calls are listened to in their first days; what is warm costs less to keep and more to read.',
      }),
      warmToColdDays: key(count(0, 36_500), {
        kind: 'integer',
        default: 90,
        env: 'RECORDING_WARM_TO_COLD_DAYS',
        values: 'a number of days from 0 to 36500; 0 means never',
        about: 'The age at which they go to the cold tier; counted from when they came in, as the other one.',
        tradeOff: 'Buckets charge for reading what is cold, and for a least time that it is kept.',
      }),
      coldFormat: key(oneOf('original', 'flac', 'opus'), {
        kind: 'choice',
        default: 'original',
        env: 'RECORDING_COLD_FORMAT',
        values: 'original, flac or opus',
        about: 'As what the sound of a WAV is kept once it goes to a colder tier.',
        tradeOff:
          'flac has every sample in half the bytes or so; opus has a quarter of telephone sound and no way back. Its SHA-256 is kept.',
      }),
      lifecycle: key(yesOrNo, {
        kind: 'boolean',
        default: true,
        env: 'RECORDING_LIFECYCLE_ENABLED',
        values: 'true or false',
        about: 'Whether recordings of calls are moved between tiers and deleted by themselves.',
        tradeOff:
          'false keeps all of them where they are until somebody deletes them; what is due meanwhile goes when it is true again.',
      }),
    })
    .prefault({}),
  ffmpeg: z
    .strictObject({
      path: key(text(/\S/), {
        kind: 'text',
        default: 'ffmpeg',
        flag: '--ffmpeg-path',
        values: 'a program name or path',
        about: 'The ffmpeg that makes the test stream.',
        tradeOff: 'A bare name is looked up in PATH; give a path to use a build of your own.',
      }),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      access: key(oneOf('loopback', 'key', 'public'), {
        kind: 'choice',
        default: 'loopback',
        values: 'loopback, key or public',
        about: 'Who may read /metrics.',
        tradeOff:
          'loopback: only this machine; key: whoever has an API key; public: everybody who reaches the API port, who then learns your stream ids.',
      }),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: key(oneOf('debug', 'info', 'warn', 'error'), {
        kind: 'choice',
        default: 'info',
        flag: '--log-level',
        values: 'debug, info, warn or error',
        about: 'The least important messages that are written.',
        tradeOff: 'debug explains every repair of an input and grows quickly.',
      }),
      format: key(oneOf('auto', 'json', 'pretty'), {
        kind: 'choice',
        default: 'auto',
        flag: '--log-format',
        values: 'auto, json or pretty',
        about: 'json is one object per line for machines, pretty one readable line for people.',
        tradeOff: 'auto takes pretty on a terminal and json everywhere else.',
      }),
    })
    .prefault({}),
})

export type ConfigInput = z.output<typeof CONFIG_SCHEMA>

export interface NamedSetting extends Setting {
  readonly path: readonly string[]
  /** The path as people write it: `api.port`. */
  readonly name: string
}

/** Every setting in the order of the schema, which is the order of the manual. */
export const SETTINGS: readonly NamedSetting[] = namedSettings(CONFIG_SCHEMA, [])

function namedSettings(schema: z.ZodObject, path: readonly string[]): NamedSetting[] {
  return Object.entries(schema.shape).flatMap(([name, member]) => {
    const here = [...path, name]
    const setting = settings.get(member as z.ZodType)
    if (setting !== undefined) return [{ ...setting, path: here, name: here.join('.') }]
    const section = member instanceof z.ZodPrefault ? member.unwrap() : member
    return section instanceof z.ZodObject ? namedSettings(section, here) : []
  })
}
