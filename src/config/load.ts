import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { MirrorError } from '../core/errors.ts'
import { isAws } from '../core/is-aws.ts'
import { nearestName } from '../core/nearest-name.ts'
import { type ConfigFile, isRecord, parseConfigFile } from './config-file.ts'
import { type Environment, unknownVariables } from './environment.ts'
import { parseFlags, SERVE_FLAGS } from './flags.ts'
import { CONFIG_SCHEMA, type ConfigInput, type NamedSetting, SETTINGS } from './schema.ts'
import type { Config, StoreConfig } from './types.ts'

export interface ConfigSources {
  /** What follows `mirror serve`. */
  readonly flags: readonly string[]
  readonly env: Environment
  /** Relative paths from flags, environment and defaults count from here; those in the file from its folder. */
  readonly cwd: string
  /** Throws when the file cannot be read. */
  readFile(path: string): string
}

export interface LoadedConfig {
  readonly config: Config
  /** The configuration file in use, absolute, or null. */
  readonly file: string | null
  /** For the log: nothing is wrong enough to refuse to start. */
  readonly warnings: readonly string[]
}

/** Precedence: flags, environment, file, defaults. Reports every problem at once as one `config_invalid`. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const flags = parseFlags(sources.flags)
  const problems = [...flags.problems]
  const path = flags.values.get('--config') ?? text(sources.env['MIRROR_CONFIG'])
  const filePath = path === undefined ? null : resolve(sources.cwd, path)
  const file = filePath === null ? null : readConfigFile(filePath, path ?? filePath, sources, problems)

  const draft = new Draft(file)
  for (const setting of SETTINGS) {
    const value = setting.env === undefined ? undefined : text(sources.env[setting.env])
    if (value !== undefined && setting.env !== undefined) draft.set(setting, fromText(setting, value), setting.env)
  }
  for (const { flag, setting } of SERVE_FLAGS) {
    const value = flags.values.get(flag)
    if (value !== undefined && setting !== null) draft.set(setting, fromText(setting, value), flag)
  }

  const base = (setting: NamedSetting): string =>
    draft.isFromFile(setting) && filePath !== null ? dirname(filePath) : sources.cwd
  for (const setting of SETTINGS.filter((one) => one.kind === 'secret')) {
    resolveSecret(setting, draft, base(setting), sources, problems)
  }

  const parsed = CONFIG_SCHEMA.safeParse(draft.tree)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describe(issue, draft)))
  else problems.push(...contradictions(parsed.data, draft))
  if (!parsed.success || problems.length > 0) throw invalid(problems)

  const locate = (name: string, written: string): string => {
    const setting = SETTINGS.find((one) => one.name === name)
    return resolve(setting === undefined ? sources.cwd : base(setting), written)
  }
  return {
    config: deepFreeze(toConfig(parsed.data, locate)),
    file: filePath,
    warnings: [...unknownVariables(sources.env), ...weaknesses(parsed.data)],
  }
}

/** The settings as written so far, and where each came from. */
class Draft {
  readonly tree: Record<string, unknown>
  readonly #file: ConfigFile | null
  readonly #overridden = new Map<string, string>()

  constructor(file: ConfigFile | null) {
    this.#file = file
    this.tree = withoutEmptySections(structuredClone(file?.tree ?? {}))
  }

  get(setting: NamedSetting): unknown {
    return setting.path.reduce<unknown>((node, name) => (isRecord(node) ? node[name] : undefined), this.tree)
  }

  /** Without `source` it replaces the value and leaves its origin. */
  set(setting: NamedSetting, value: unknown, source?: string): void {
    let node = this.tree
    for (const name of setting.path.slice(0, -1)) {
      node[name] ??= {}
      const next = node[name]
      if (!isRecord(next)) return // the file has a plain value where a section belongs; the schema will say so
      node = next
    }
    const last = setting.path.at(-1)
    if (last !== undefined) node[last] = value
    if (source !== undefined) this.#overridden.set(setting.name, source)
  }

  isFromFile(setting: NamedSetting): boolean {
    return !this.#overridden.has(setting.name) && this.#file?.locate(setting.path) != null
  }

  origin(path: readonly string[]): string {
    const source = this.#overridden.get(path.join('.')) ?? this.#file?.locate(path) ?? null
    return source === null ? '' : ` (${source})`
  }
}

/** A section whose keys are all commented out reads as null, and means that nothing is set. */
function withoutEmptySections(tree: Record<string, unknown>): Record<string, unknown> {
  const sections = new Set(
    SETTINGS.flatMap(({ path }) => path.slice(1).map((_, at) => path.slice(0, at + 1).join('.'))),
  )
  const visit = (node: Record<string, unknown>, above: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(node)
        .filter(([name, value]) => value !== null || !sections.has(above + name))
        .map(([name, value]) => [name, isRecord(value) ? visit(value, `${above}${name}.`) : value]),
    )
  return visit(tree, '')
}

function readConfigFile(path: string, name: string, sources: ConfigSources, problems: string[]): ConfigFile | null {
  try {
    const file = parseConfigFile(sources.readFile(path), name)
    problems.push(...file.problems)
    return file
  } catch (error) {
    problems.push(`The configuration file ${name} cannot be read: ${messageOf(error)}`)
    return null
  }
}

/** Secrets are written literally, or as `file:<path>` or `env:<NAME>` so that the file can be shared. */
function resolveSecret(
  setting: NamedSetting,
  draft: Draft,
  base: string,
  sources: ConfigSources,
  problems: string[],
): void {
  const written = draft.get(setting)
  if (typeof written !== 'string') return
  const [, scheme, target = ''] = /^(file|env):(.*)$/.exec(written) ?? []
  if (scheme === undefined) return
  const where = draft.origin(setting.path)
  // Once the reference is reported, the value must not be reported again as badly formed.
  const fail = (problem: string): void => {
    problems.push(`${setting.name} ${problem}${where}`)
    draft.set(setting, null)
  }
  if (scheme === 'env') {
    const value = text(sources.env[target])
    if (value === undefined) fail(`refers to the environment variable ${target}, which is not set`)
    else draft.set(setting, value)
    return
  }
  try {
    draft.set(setting, sources.readFile(resolve(base, target)).replace(/\r?\n$/, ''))
  } catch (error) {
    fail(`refers to the file ${target}, which cannot be read: ${messageOf(error)}`)
  }
}

/** Environment and flags carry text; what is no number stays text, so that the schema can refuse it with its reason. */
function fromText(setting: NamedSetting, value: string): unknown {
  if (setting.kind === 'integer' && /^\d+$/.test(value)) return Number(value)
  if (setting.kind === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
  return value
}

function describe(issue: z.core.$ZodIssue, draft: Draft): string[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => describeUnknown([...path, name], draft))
  const setting = SETTINGS.find((one) => one.name === path.join('.'))
  if (setting === undefined) {
    return [`${path.join('.') || 'The configuration'} must be a group of keys${draft.origin(path)}`]
  }
  const got = setting.kind === 'secret' ? '' : `, not ${JSON.stringify(draft.get(setting))}`
  return [`${setting.name} must be ${setting.values}${got}${draft.origin(path)}`]
}

function describeUnknown(path: readonly string[], draft: Draft): string {
  const section = path.slice(0, -1)
  const siblings = [
    ...new Set(
      SETTINGS.filter((one) => section.every((name, at) => one.path[at] === name)).flatMap(
        (one) => one.path[section.length] ?? [],
      ),
    ),
  ]
  const meant =
    nearestName(path.at(-1) ?? '', siblings) ??
    nearestName(
      path.join('.'),
      SETTINGS.map((one) => one.name),
    )
  const prefix = section.length > 0 && meant !== null && siblings.includes(meant) ? `${section.join('.')}.` : ''
  const help = meant === null ? `; known here: ${siblings.join(', ')}` : `; did you mean ${prefix}${meant}?`
  return `The key ${path.join('.')} is not known${draft.origin(path)}${help}`
}

function contradictions(input: ConfigInput, draft: Draft): string[] {
  const found: string[] = []
  const { cert, key } = input.media.tls
  if ((cert === null) !== (key === null)) {
    const [set, missing] = key === null ? ['cert', 'key'] : ['key', 'cert']
    found.push(`media.tls.${set} also needs media.tls.${missing}${draft.origin(['media', 'tls', set ?? ''])}`)
  }
  if (input.timeline.arbiter === 'database' && input.database.url === null) {
    found.push(`timeline.arbiter "database" also needs database.url${draft.origin(['timeline', 'arbiter'])}`)
  }
  found.push(...storeContradictions(input, draft), ...mediaConvertContradictions(input, draft))
  // SRT is UDP and may share a number with any of these.
  const tcp: (readonly [section: string, port: number])[] = [
    ['api', input.api.port],
    ['media', input.media.port],
  ]
  if (input.rtmp.enabled) tcp.push(['rtmp', input.rtmp.port])
  tcp.forEach(([section, port], at) => {
    const other = tcp.slice(0, at).find(([, taken]) => taken === port && port !== 0)
    if (other !== undefined) {
      found.push(`${section}.port and ${other[0]}.port are both ${port}${draft.origin([section, 'port'])}`)
    }
  })
  return found
}

function storeContradictions({ store }: ConfigInput, draft: Draft): string[] {
  const { bucket, endpoint, accessKey, secretKey } = store.s3
  const found: string[] = []
  if ((accessKey === null) !== (secretKey === null)) {
    const [set, missing] = secretKey === null ? ['accessKey', 'secretKey'] : ['secretKey', 'accessKey']
    found.push(`store.s3.${set} also needs store.s3.${missing}${draft.origin(['store', 's3', set ?? ''])}`)
  }
  if (bucket === null && (endpoint ?? accessKey ?? secretKey) !== null) {
    const [name = ''] = Object.entries({ endpoint, accessKey, secretKey }).find(([, value]) => value !== null) ?? []
    found.push(`store.s3.${name} also needs store.s3.bucket${draft.origin(['store', 's3', name])}`)
  }
  if (bucket !== null && store.path !== null) {
    found.push(
      `store.path${draft.origin(['store', 'path'])} and store.s3.bucket${draft.origin(['store', 's3', 'bucket'])} are two places for one store; remove one`,
    )
  }
  for (const [tier, place] of Object.entries(store.tiers)) {
    if (bucket === null || place === null) continue
    found.push(
      `store.tiers.${tier}${draft.origin(['store', 'tiers', tier])} is a folder, and the store is a bucket; set store.s3.tierClasses.${tier} instead`,
    )
  }
  return found
}

/** MediaConvert reads and writes `s3://` addresses alone, and those are AWS's. */
function mediaConvertContradictions({ processing, store }: ConfigInput, draft: Draft): string[] {
  const { roleArn, ...others } = processing.mediaconvert
  const path = ['processing', 'mediaconvert']
  const where = (name: string) => `processing.mediaconvert.${name}${draft.origin([...path, name])}`
  if (roleArn === null) {
    const set = Object.entries(others).filter(([, value]) => value !== null)
    return set.map(([name]) => `${where(name)} also needs processing.mediaconvert.roleArn`)
  }
  if (store.s3.bucket === null) {
    return [`${where('roleArn')} also needs store.s3.bucket: MediaConvert reads and writes a bucket`]
  }
  if (isAws(store.s3.endpoint)) return []
  const endpoint = `store.s3.endpoint${draft.origin(['store', 's3', 'endpoint'])}`
  return [`${where('roleArn')} needs a bucket at AWS, and ${endpoint} is elsewhere; remove one`]
}

function weaknesses(input: ConfigInput): string[] {
  if (input.adminToken === null || input.adminToken.length >= 16) return []
  return ['adminToken is shorter than 16 characters and can be guessed; take a longer random one']
}

function invalid(problems: readonly string[]): MirrorError {
  const [first = ''] = problems
  const message =
    problems.length === 1
      ? first
      : `${problems.length} problems in the configuration:\n${problems.map((one) => `  - ${one}`).join('\n')}`
  return new MirrorError('config_invalid', message, { details: { problems: problems.length } })
}

function toConfig(input: ConfigInput, locate: (name: string, written: string) => string): Config {
  const { cert, key } = input.media.tls
  return {
    dataDir: locate('data', input.data),
    bind: input.bind,
    publicUrl: input.publicUrl,
    trustedAddresses: input.trustedAddresses,
    api: {
      port: input.api.port,
      maxConnections: input.api.maxConnections,
      maxConnectionsPerAddress: input.api.maxConnectionsPerAddress,
    },
    media: {
      port: input.media.port,
      workers: input.media.workers,
      tls:
        cert === null || key === null
          ? null
          : { certFile: locate('media.tls.cert', cert), keyFile: locate('media.tls.key', key) },
      maxConnections: input.media.maxConnections,
      maxConnectionsPerAddress: input.media.maxConnectionsPerAddress,
    },
    rtmp: { enabled: input.rtmp.enabled, port: input.rtmp.port },
    srt: {
      enabled: input.srt.enabled,
      port: input.srt.port,
      latencyMs: input.srt.latency,
      passphrase: input.srt.passphrase,
    },
    ingest: {
      maxPublishers: input.ingest.maxPublishers,
      maxConnectionsPerAddress: input.ingest.maxConnectionsPerAddress,
      maxFragmentBytes: input.ingest.maxFragmentBytes,
      idleTimeoutMs: input.ingest.idleTimeout,
    },
    window: { maxBytes: input.window.maxBytes },
    database: input.database.url === null ? { kind: 'sqlite' } : { kind: 'postgres', url: input.database.url },
    store: toStore(input, locate),
    archive: {
      restoreDelayMs: input.archive.restoreDelay,
      keepRestoredMs: input.archive.keepRestored,
      restoreOnPlay: input.archive.restoreOnPlay ?? input.store.s3.bucket === null,
    },
    timeline: { arbiter: input.timeline.arbiter },
    dvr: {
      spoolPath: input.dvr.spool === null ? null : locate('dvr.spool', input.dvr.spool),
      spoolMaxBytes: input.dvr.spoolMaxBytes,
      cachePath: input.dvr.cache === null ? null : locate('dvr.cache', input.dvr.cache),
      cacheMaxBytes: input.dvr.cacheMaxBytes,
      flushMs: input.dvr.flush,
    },
    adminToken: input.adminToken,
    uploads: {
      maxUnfinished: input.uploads.maxUnfinished,
      expireMs: input.uploads.expire,
      keepFreeBytes: input.uploads.keepFree,
    },
    pull: { allow: input.pull.allow },
    assets: { maxBytes: input.assets.maxBytes, trashMs: input.assets.trash },
    incoming:
      input.incoming.prefix === ''
        ? null
        : {
            ...{ prefix: input.incoming.prefix, everyMs: input.incoming.every },
            ...{ settleMs: input.incoming.settle, isKept: input.incoming.keep },
          },
    jobs: input.jobs,
    processing: {
      maxDurationSec: input.processing.maxDuration / 1000,
      stepMs: input.processing.maxTime,
      mediaConvert: toMediaConvert(input),
    },
    recordings: {
      maxBytes: input.recordings.maxBytes,
      standard: {
        hotToWarmDays: input.recordings.hotToWarmDays,
        warmToColdDays: input.recordings.warmToColdDays,
        retentionDays: input.recordings.retentionDays,
      },
      coldFormat: input.recordings.coldFormat,
      isLifecycleOn: input.recordings.lifecycle,
    },
    ffmpeg: { path: input.ffmpeg.path },
    metrics: { access: input.metrics.access },
    log: { level: input.log.level, format: input.log.format },
  }
}

function toMediaConvert({ processing, store }: ConfigInput): Config['processing']['mediaConvert'] {
  const { roleArn, region, endpoint, queue } = processing.mediaconvert
  return roleArn === null ? null : { roleArn, region: region ?? store.s3.region, endpoint, queue }
}

/** Null: never. */
function toStore({ store }: ConfigInput, locate: (name: string, written: string) => string): StoreConfig {
  const { bucket, endpoint, region, accessKey, secretKey, pathStyle, prefix, storageClass } = store.s3
  if (bucket === null) {
    const place = (name: string, written: string | null) => (written === null ? null : locate(name, written))
    const { warm, cold, archive } = store.tiers
    return {
      kind: 'folder',
      path: place('store.path', store.path),
      tiers: {
        warm: place('store.tiers.warm', warm),
        cold: place('store.tiers.cold', cold),
        archive: place('store.tiers.archive', archive),
      },
    }
  }
  const { warm, cold, archive } = store.s3.tierClasses
  const s3 = {
    endpoint,
    region,
    bucket,
    prefix: prefix === '' ? '' : `${prefix.replace(/\/$/, '')}/`,
    credentials: accessKey === null || secretKey === null ? null : { accessKey, secretKey },
    pathStyle: pathStyle ?? endpoint !== null,
    storageClass,
    tierClasses: {
      ...(warm === null ? {} : { warm }),
      ...(cold === null ? {} : { cold }),
      ...(archive === null ? {} : { archive }),
    },
    partBytes: store.s3.partSize,
    uploadConcurrency: store.s3.uploadConcurrency,
  }
  return { kind: 's3', s3 }
}

/** An empty variable is an unset one: compose files and shells cannot always leave it out. */
function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
