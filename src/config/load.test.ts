import { describe, expect, test } from 'vitest'
import { isMirrorError } from '../core/errors.ts'
import { loadConfig } from './load.ts'

interface Given {
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

function load({ flags = [], env = {}, files = {} }: Given = {}) {
  return loadConfig({
    flags,
    env,
    cwd: '/srv/mirror',
    readFile(path) {
      const text = files[path]
      if (text === undefined) throw new Error(`ENOENT: ${path}`)
      return text
    },
  })
}

const yaml = (text: string, more: Given = {}): Given => ({
  ...more,
  env: { MIRROR_CONFIG: '/etc/mirror/mirror.yml', ...more.env },
  files: { '/etc/mirror/mirror.yml': text, ...more.files },
})

function problems(given: Given): string {
  try {
    load(given)
  } catch (error) {
    if (isMirrorError(error, 'config_invalid')) return error.message
    throw error
  }
  throw new Error('The configuration was accepted')
}

test('without file, variables and flags Mirror serves this machine only, from ./data', () => {
  expect(load()).toEqual({
    file: null,
    warnings: [],
    config: {
      dataDir: '/srv/mirror/data',
      bind: '127.0.0.1',
      publicUrl: null,
      trustedAddresses: '127.0.0.0/8, ::1',
      api: { port: 8080, maxConnections: 10_000, maxConnectionsPerAddress: 1000 },
      media: { port: 8888, workers: null, tls: null, maxConnections: 10_000, maxConnectionsPerAddress: 500 },
      rtmp: { enabled: true, port: 1935 },
      srt: { enabled: true, port: 6000, latencyMs: 100, passphrase: null },
      ingest: { maxPublishers: 100, maxConnectionsPerAddress: 20, maxFragmentBytes: 33_554_432, idleTimeoutMs: 10_000 },
      window: { maxBytes: null },
      store: { kind: 'folder', path: null, tiers: { warm: null, cold: null, archive: null } },
      archive: { restoreDelayMs: 60_000, keepRestoredMs: 259_200_000, restoreOnPlay: true },
      timeline: { arbiter: 'store' },
      database: { kind: 'sqlite' },
      dvr: { spoolPath: null, spoolMaxBytes: null, cachePath: null, cacheMaxBytes: null, flushMs: null },
      adminToken: null,
      uploads: { maxUnfinished: 100, expireMs: 172_800_000, keepFreeBytes: 1_073_741_824 },
      pull: { allow: '' },
      assets: { maxBytes: 10 * 2 ** 30, trashMs: 30 * 86_400_000 },
      incoming: null,
      jobs: { perTenant: 5 },
      processing: { maxDurationSec: 43_200, stepMs: 43_200_000, mediaConvert: null },
      recordings: {
        ...{ maxBytes: 2 * 2 ** 30, coldFormat: 'original', isLifecycleOn: true },
        standard: { hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365 },
      },
      ffmpeg: { path: 'ffmpeg' },
      metrics: { access: 'loopback' },
      log: { level: 'info', format: 'auto' },
    },
  })
})

test('trusted addresses are checked at the start', () => {
  expect(() => load(yaml('trustedAddresses: 10.0.0.0/8, my-proxy\n'))).toThrow(
    /trustedAddresses must be addresses or prefixes such as 10.0.0.0\/8, with commas between them, not "10.0.0.0\/8, my-proxy"/,
  )
  expect(load({ env: { MIRROR_TRUSTED_ADDRESSES: '10.0.0.0/8' } }).config.trustedAddresses).toBe('10.0.0.0/8')
  expect(() => load(yaml('pull:\n  allow: http://pbx.lan\n'))).toThrow(/pull\.allow must be host names, addresses/)
  expect(load({ env: { MIRROR_PULL_ALLOW: 'pbx.lan, 10.1.0.0/16' } }).config.pull.allow).toBe('pbx.lan, 10.1.0.0/16')
})

describe('MediaConvert', () => {
  const role = 'arn:aws:iam::111122223333:role/mirror'
  const MIRROR_MEDIACONVERT_ROLE_ARN = role

  test('is used when it has a role and a bucket at AWS, in the region of the bucket', () => {
    expect(load().config.processing.mediaConvert).toBeNull()
    const env = { MIRROR_MEDIACONVERT_ROLE_ARN, S3_BUCKET: 'media', S3_REGION: 'eu-central-1' }
    const none = { endpoint: null, queue: null }
    expect(load({ env }).config.processing.mediaConvert).toEqual({ roleArn: role, region: 'eu-central-1', ...none })
    const mediaconvert = { roleArn: role, region: 'eu-west-1', queue: 'mirror', endpoint: 'https://vpce.example.org' }
    const file = `processing: { mediaconvert: ${JSON.stringify(mediaconvert)} }\nstore: { s3: { bucket: media } }\n`
    expect(load(yaml(file)).config.processing.mediaConvert).toEqual(mediaconvert)
  })

  test('is refused with a folder, with a bucket elsewhere, and without a role', () => {
    expect(problems({ env: { MIRROR_MEDIACONVERT_ROLE_ARN } })).toBe(
      'processing.mediaconvert.roleArn (MIRROR_MEDIACONVERT_ROLE_ARN) also needs store.s3.bucket: MediaConvert reads and writes a bucket',
    )
    const clone = { S3_BUCKET: 'media', S3_ENDPOINT: 'https://minio.lan' }
    expect(problems({ env: { MIRROR_MEDIACONVERT_ROLE_ARN, ...clone } })).toBe(
      'processing.mediaconvert.roleArn (MIRROR_MEDIACONVERT_ROLE_ARN) needs a bucket at AWS, and store.s3.endpoint (S3_ENDPOINT) is elsewhere; remove one',
    )
    expect(problems({ env: { MIRROR_MEDIACONVERT_QUEUE: 'mirror' } })).toBe(
      'processing.mediaconvert.queue (MIRROR_MEDIACONVERT_QUEUE) also needs processing.mediaconvert.roleArn',
    )
    expect(problems({ env: { MIRROR_MEDIACONVERT_ROLE_ARN: 'mirror' } })).toMatch(
      /roleArn must be the ARN of an IAM role/,
    )
  })
})

test('recordings of calls are kept for the days that are named, 0 means for ever', () => {
  const kept = (days: string) =>
    load({ env: { RECORDING_RETENTION_DAYS: days } }).config.recordings.standard.retentionDays
  expect([kept('1'), kept('0')]).toEqual([1, 0])
  expect(() => kept('-1')).toThrow(/recordings\.retentionDays must be a number of days/)
})

test('the configuration is frozen to its leaves', () => {
  const { config } = load()
  expect(Object.isFrozen(config)).toBe(true)
  expect(Object.isFrozen(config.media)).toBe(true)
})

test('flags win over the environment, the environment over the file, the file over the defaults', () => {
  const file = 'api: { port: 1 }\nmedia: { port: 2 }\nrtmp: { port: 3 }\n'
  const env = { MIRROR_MEDIA_PORT: '22', MIRROR_RTMP_PORT: '33' }
  const { config } = load(yaml(file, { env, flags: ['--rtmp-port', '333'] }))
  expect([config.api.port, config.media.port, config.rtmp.port, config.srt.port]).toEqual([1, 22, 333, 6000])
})

test('every variable of the manual sets what it names', () => {
  const { config, warnings } = load({
    env: {
      MIRROR_DATA: 'elsewhere',
      MIRROR_API_PORT: '0',
      MIRROR_MEDIA_PORT: '0',
      MIRROR_RTMP_PORT: '0',
      MIRROR_SRT_PORT: '0',
      MIRROR_BIND: '0.0.0.0',
      MIRROR_PUBLIC_URL: 'https://live.example.org/',
      MIRROR_ADMIN_TOKEN: 'a-token-of-enough-length',
      MIRROR_DATABASE_URL: 'postgres://mirror@db/mirror',
    },
  })
  expect(warnings).toEqual([])
  expect(config).toMatchObject({
    dataDir: '/srv/mirror/elsewhere',
    api: { port: 0 },
    media: { port: 0 },
    rtmp: { port: 0 },
    srt: { port: 0 },
    bind: '0.0.0.0',
    publicUrl: 'https://live.example.org',
    adminToken: 'a-token-of-enough-length',
    database: { kind: 'postgres', url: 'postgres://mirror@db/mirror' },
  })
})

test('an empty variable counts as not set', () => {
  expect(load({ env: { MIRROR_API_PORT: '', MIRROR_CONFIG: '' } }).config.api.port).toBe(8080)
})

test('a misspelt variable is a warning with the name that was meant', () => {
  expect(load({ env: { MIRROR_MEDIAPORT: '9000' } }).warnings).toEqual([
    'The environment variable MIRROR_MEDIAPORT is not known; did you mean MIRROR_MEDIA_PORT?',
  ])
})

test('a short admin token is a warning that does not repeat it', () => {
  const { warnings } = load({ env: { MIRROR_ADMIN_TOKEN: 'hunter2' } })
  expect(warnings).toHaveLength(1)
  expect(warnings.join()).not.toContain('hunter2')
})

test('switches turn things off', () => {
  const { config } = load({ flags: ['--no-rtmp', '--no-srt'] })
  expect([config.rtmp.enabled, config.srt.enabled]).toEqual([false, false])
})

test('durations and sizes become milliseconds and bytes', () => {
  const { config } = load(yaml('srt: { latency: 1.5s }\nwindow: { maxBytes: 512MiB }\n'))
  expect([config.srt.latencyMs, config.window.maxBytes]).toEqual([1_500, 536_870_912])
})

test('paths in the file count from its folder, others from the working directory', () => {
  expect(load(yaml('data: var\n')).config.dataDir).toBe('/etc/mirror/var')
  expect(load(yaml('api: { port: 1 }\n')).config.dataDir).toBe('/srv/mirror/data')
  expect(load(yaml('data: var\n', { flags: ['--data=other'] })).config.dataDir).toBe('/srv/mirror/other')
})

test('a section whose keys are all commented out sets nothing', () => {
  expect(load(yaml('rtmp:\n  # port: 1\napi:\n  port: 9000\n')).config.rtmp.port).toBe(1935)
})

test('an empty file is a valid file', () => {
  expect(load(yaml('# nothing yet\n')).config).toEqual(load().config)
})

describe('secrets', () => {
  test('are read from the file or variable they refer to', () => {
    const given = yaml('adminToken: file:token\nsrt: { passphrase: "env:SRT_SECRET" }\n', {
      env: { SRT_SECRET: 'a passphrase' },
      files: { '/etc/mirror/token': 'a-token-from-a-file\n' },
    })
    expect(load(given).config).toMatchObject({
      adminToken: 'a-token-from-a-file',
      srt: { passphrase: 'a passphrase' },
    })
  })

  test('that cannot be resolved are named once, with the reference and its place', () => {
    expect(problems(yaml('srt:\n  passphrase: env:NOT_THERE\n'))).toBe(
      'srt.passphrase refers to the environment variable NOT_THERE, which is not set (/etc/mirror/mirror.yml line 2)',
    )
  })

  test('never appear in a message', () => {
    const message = problems({ env: { MIRROR_DATABASE_URL: 'mysql://root:hunter2@db/x' } })
    expect(message).toBe('database.url must be a postgres:// address (MIRROR_DATABASE_URL)')
  })
})

describe('a problem names its place', () => {
  test.each([
    [
      yaml('api:\n  prot: 1\n'),
      'The key api.prot is not known (/etc/mirror/mirror.yml line 2); did you mean api.port?',
    ],
    [yaml('apiPort: 1\n'), 'The key apiPort is not known (/etc/mirror/mirror.yml line 1); did you mean api.port?'],
    [
      yaml('metrics:\n  colour: red\n'),
      'The key metrics.colour is not known (/etc/mirror/mirror.yml line 2); known here: access',
    ],
    [yaml('api: 9000\n'), 'api must be a group of keys (/etc/mirror/mirror.yml line 1)'],
    [
      yaml('api: { port: "8080" }\n'),
      'api.port must be a port from 0 to 65535, not "8080" (/etc/mirror/mirror.yml line 1)',
    ],
    [
      yaml('\nrtmp: { enabled: "yes" }\n'),
      'rtmp.enabled must be true or false, not "yes" (/etc/mirror/mirror.yml line 2)',
    ],
    [
      yaml('srt: { latency: 100 }\n'),
      'srt.latency must be a duration from 20ms to 8s, not 100 (/etc/mirror/mirror.yml line 1)',
    ],
    [
      yaml('window: { maxBytes: 1KiB }\n'),
      'window.maxBytes must be a size from 64MiB to 1TiB, not "1KiB" (/etc/mirror/mirror.yml line 1)',
    ],
    [{ env: { MIRROR_API_PORT: '80a' } }, 'api.port must be a port from 0 to 65535, not "80a" (MIRROR_API_PORT)'],
    [{ flags: ['--media-port', '70000'] }, 'media.port must be a port from 0 to 65535, not 70000 (--media-port)'],
    [
      { flags: ['--public-url', 'ftp://x'] },
      'publicUrl must be an http(s):// address without query, not "ftp://x" (--public-url)',
    ],
    [{ flags: ['--api-prot=1'] }, 'The flag --api-prot is not known; did you mean --api-port?'],
    [{ flags: ['--api-port'] }, '--api-port needs a value: a port from 0 to 65535'],
    [{ flags: ['--no-srt=1'] }, '--no-srt takes no value'],
    [{ flags: ['--api-port', '8888'] }, 'media.port and api.port are both 8888'],
    [
      yaml('media: { tls: { cert: c.pem } }\n'),
      'media.tls.cert also needs media.tls.key (/etc/mirror/mirror.yml line 1)',
    ],
    [{ flags: ['--config', 'no.yml'] }, 'The configuration file no.yml cannot be read: ENOENT: /srv/mirror/no.yml'],
    [yaml('- a\n'), '/etc/mirror/mirror.yml must hold keys and values'],
  ])('%#', (given: Given, message) => {
    expect(problems(given)).toBe(message)
  })

  test('broken YAML is reported with its line', () => {
    expect(problems(yaml('api:\n  port: 1\n  port: 2\n'))).toMatch(/unique.*mirror\.yml line 3/)
  })
})

test('all problems are reported at once', () => {
  const message = problems(yaml('apis: 1\nmedia: { workers: 0 }\n', { env: { MIRROR_BIND: 'a b' }, flags: ['--nope'] }))
  expect(message.split('\n')).toEqual([
    '4 problems in the configuration:',
    '  - The flag --nope is not known; see mirror serve --help',
    expect.stringContaining('bind must be'),
    expect.stringContaining('media.workers must be'),
    expect.stringContaining('apis is not known'),
  ])
})

describe('an S3 store', () => {
  const env = { S3_BUCKET: 'media', S3_ACCESS_KEY: 'AKIATEST', S3_SECRET_KEY: 'not-told' }

  test('four variables are enough', () => {
    expect(load({ env: { ...env, S3_ENDPOINT: 'https://s3.example/' } }).config.store).toEqual({
      kind: 's3',
      s3: {
        endpoint: 'https://s3.example',
        region: 'us-east-1',
        bucket: 'media',
        prefix: '',
        credentials: { accessKey: 'AKIATEST', secretKey: 'not-told' },
        pathStyle: true,
        storageClass: null,
        tierClasses: {},
        partBytes: 10_485_760,
        uploadConcurrency: 20,
      },
    })
  })

  test('on AWS a bucket is enough, and its name goes into the host name', () => {
    expect(load({ env: { S3_BUCKET: 'media' } }).config.store).toMatchObject({
      s3: { endpoint: null, credentials: null, pathStyle: false },
    })
    expect(load({ env: { S3_BUCKET: 'media', S3_FORCE_PATH_STYLE: 'true' } }).config.store).toMatchObject({
      s3: { pathStyle: true },
    })
  })

  test('a prefix is a folder', () => {
    for (const prefix of ['a/b', 'a/b/']) {
      const given = yaml(`store: { s3: { bucket: media, prefix: ${prefix} } }`)
      expect(load(given).config.store).toMatchObject({ s3: { prefix: 'a/b/' } })
    }
    for (const prefix of ['/a', 'a//b', '../a', 'a/./b']) {
      expect(problems(yaml(`store: { s3: { bucket: media, prefix: ${prefix} } }`))).toContain('store.s3.prefix must be')
    }
  })

  test('tiers are storage classes of a bucket, and folders without one', () => {
    const given = yaml('store: { s3: { tierClasses: { archive: DEEP_ARCHIVE } } }', { env })
    expect(load(given).config.store).toMatchObject({ s3: { tierClasses: { archive: 'DEEP_ARCHIVE' } } })
    expect(load(given).config.archive).toEqual({
      restoreDelayMs: 60_000,
      keepRestoredMs: 3 * 86_400_000,
      restoreOnPlay: false,
    })
    expect(problems(yaml('store: { tiers: { cold: /mnt/cold } }', { env }))).toMatch(
      /^store\.tiers\.cold .* is a folder, and the store is a bucket; set store\.s3\.tierClasses\.cold instead$/,
    )
    const folders = load(yaml('store: { tiers: { cold: ../cold } }')).config
    expect(folders.store).toMatchObject({ tiers: { warm: null, cold: '/etc/cold', archive: null } })
    expect(folders.archive.restoreOnPlay).toBe(true)
  })

  test('what contradicts itself is refused, and secrets are not repeated', () => {
    expect(problems({ env: { S3_BUCKET: 'media', S3_SECRET_KEY: 'not-told' } })).toBe(
      'store.s3.secretKey also needs store.s3.accessKey (S3_SECRET_KEY)',
    )
    expect(problems({ env: { S3_ENDPOINT: 'https://s3.example' } })).toBe(
      'store.s3.endpoint also needs store.s3.bucket (S3_ENDPOINT)',
    )
    expect(problems(yaml('store: { path: /srv/store }', { env }))).toMatch(
      /^store\.path .*mirror\.yml.* and store\.s3\.bucket \(S3_BUCKET\) are two places/,
    )
    expect(problems({ env: { ...env, S3_SECRET_KEY: 'with space' } })).not.toContain('with space')
  })
})
