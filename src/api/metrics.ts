// Prometheus metrics. Names and meanings are documented for operators; changing one breaks their alerts.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BackupWatch } from '../backup/backup-watch.ts'
import type { CacheReport } from '../dvr/cache/segment-cache.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { RecordingBook } from '../library/recordings/recording-book.ts'
import { RECORDING_STATES } from '../library/recordings/recording-state.ts'
import type { DvrReport, LatencyObservation, LiveControl, StreamStatus } from '../live/control.ts'
import type { AttemptResult } from '../webhooks/webhook-sender.ts'

const STATUSES: readonly StreamStatus[] = ['offline', 'starting', 'live', 'interrupted', 'ended']

/** Seconds; dense where the latency goals lie (0.2 to 2 s). */
const LATENCY_BUCKETS_SEC = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.5, 2, 3, 5, 10, 30]

export interface Metrics extends Disposable {
  readonly contentType: string
  render(): Promise<string>
  countRequest(method: string, route: string, status: number, durationSec: number): void
  /** `kind` by the bytes, `unknown` for what was refused before they were all there. */
  countUpload(kind: string, result: 'stored' | 'duplicate' | 'refused'): void
  countDelivery(result: AttemptResult): void
  /** Ends the series of a deleted stream. */
  forgetStream(streamId: string): void
}

export function createMetrics(options: {
  readonly live: LiveControl
  readonly jobs: Pick<JobService, 'kinds' | 'unfinished' | 'throttled' | 'onChange'>
  readonly backups: Pick<BackupWatch, 'newest'>
  readonly recordings: Pick<RecordingBook, 'onNews'>
  readonly clock: () => number
  readonly droppedEvents: () => number
  readonly openSockets: () => number
}): Metrics {
  const { live } = options
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerStreamGauges(registry, live)
  registerCauses(registry, live)
  registerNetwork(registry, live)
  registerConnections(registry, live)
  registerInputs(registry, live)
  registerDvr(registry, live)
  registerPlayback(registry, live)
  const stopCountingJobs = registerJobs(registry, options.jobs)
  registerBackups(registry, options)
  registerRecordings(registry, options.recordings)

  new Gauge({
    name: 'websocket_connections',
    help: 'Open connections on /api/v1/ws',
    registers: [registry],
    collect() {
      this.set(options.openSockets())
    },
  })
  new Counter({
    name: 'events_dropped_total',
    help: 'Events that could not be stored because the database was away',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(options.droppedEvents())
    },
  })
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request of the API',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })

  const uploads = new Counter({
    name: 'uploads_total',
    help: 'Content that was uploaded to this process, by its kind and by what came of it',
    labelNames: ['kind', 'result'],
    registers: [registry],
  })

  const deliveries = new Counter({
    name: 'webhook_deliveries_total',
    help: 'Attempts of this process to tell an endpoint of an event, by what came of them',
    labelNames: ['result'],
    registers: [registry],
  })
  for (const result of ['delivered', 'retried', 'failed']) deliveries.inc({ result }, 0)

  const histograms: Readonly<Record<LatencyObservation['stage'], Histogram<'stream_id'>>> = {
    segment: latencyHistogram(registry, 'stream_segment_latency', 'Media time of a segment until it can be fetched'),
    e2e: latencyHistogram(registry, 'stream_e2e_latency', 'Media time until shown, as players report it'),
    ingestion: latencyHistogram(registry, 'ingestion_latency', 'Arrival of bytes until the sample is timed'),
    packaging: latencyHistogram(registry, 'packaging_latency', 'Arrival of a sample until its part can be fetched'),
  }
  const stopListening = live.onLatency(({ streamId, stage, valuesSec }) => {
    for (const value of valuesSec) histograms[stage].observe({ stream_id: streamId }, value)
  })

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    countRequest(method, route, status, durationSec) {
      requests.observe({ method, route, status }, durationSec)
    },
    countUpload: (kind, result) => uploads.inc({ kind, result }),
    countDelivery: (result) => deliveries.inc({ result }),
    forgetStream(streamId) {
      for (const histogram of Object.values(histograms)) histogram.remove({ stream_id: streamId })
    },
    [Symbol.dispose]() {
      stopListening()
      stopCountingJobs()
      registry.clear()
    },
  }
}

function registerStreamGauges(registry: Registry, live: LiveControl): void {
  new Gauge({
    name: 'stream_status',
    help: '1 for the status a stream is in, 0 for the others',
    labelNames: ['stream_id', 'status'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id, status } of live.statuses()) {
        for (const each of STATUSES) this.set({ stream_id: id, status: each }, each === status ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'stream_viewer_count',
    help: 'Viewer sessions',
    labelNames: ['stream_id'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id, viewers } of live.statuses()) this.set({ stream_id: id }, viewers)
    },
  })
  new Gauge({
    name: 'stream_bitrate_bps',
    help: 'Incoming media, bits per second',
    labelNames: ['stream_id'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id, bitrateBps } of live.statuses()) this.set({ stream_id: id }, bitrateBps)
    },
  })
}

/** The media plane counts since a stream's start; a restart of that count is what `rate()` expects of a counter. */
function registerCauses(registry: Registry, live: LiveControl): void {
  for (const kind of ['drops', 'repairs'] as const) {
    new Counter({
      name: `stream_${kind}_total`,
      help:
        kind === 'drops' ? 'Media that was dropped, by cause' : 'Faults of incoming media that were mended, by cause',
      labelNames: ['stream_id', 'cause'],
      registers: [registry],
      collect() {
        this.reset()
        for (const status of live.statuses()) {
          for (const [cause, count] of Object.entries(status[kind])) this.inc({ stream_id: status.id, cause }, count)
        }
      },
    })
  }
}

/** Of streams with more than one input: which of them is on air, and whether each could be. */
function registerInputs(registry: Registry, live: LiveControl): void {
  const labelNames = ['stream_id', 'input']
  const gauges = [
    { name: 'stream_input_active', help: '1 for the input on air, 0 for those that stand by' },
    { name: 'stream_input_healthy', help: '1 while an input brings media that could be shown' },
  ] as const
  for (const { name, help } of gauges) {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const { id: stream_id, inputs } of live.statuses()) {
          for (const { id: input, role, health } of inputs) {
            const isSet = name === 'stream_input_active' ? role === 'active' : health === 'healthy'
            this.set({ stream_id, input }, isSet ? 1 : 0)
          }
        }
      },
    })
  }
  new Counter({
    name: 'stream_input_switches_total',
    help: 'Changes of the input on air, by reason',
    labelNames: ['stream_id', 'reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id: stream_id, switches } of live.statuses()) {
        for (const [reason, count] of Object.entries(switches)) this.inc({ stream_id, reason }, count)
      }
    },
  })
}

function latencyHistogram(registry: Registry, name: string, what: string): Histogram<'stream_id'> {
  return new Histogram({
    name,
    help: `${what}, seconds`,
    labelNames: ['stream_id'],
    buckets: LATENCY_BUCKETS_SEC,
    registers: [registry],
  })
}

function registerRecordings(registry: Registry, recordings: Pick<RecordingBook, 'onNews'>): void {
  const total = new Counter({
    name: 'recordings_total',
    help: 'Recordings of calls that reached a status here since the start',
    labelNames: ['status'],
    registers: [registry],
  })
  for (const status of RECORDING_STATES) total.inc({ status }, 0)
  // For as long as both live: the book is closed after the server.
  recordings.onNews(({ kind, row }) => {
    if (kind !== 'mismatch' && kind !== 'deleted') total.inc({ status: row.status })
  })
}

function registerDvr(registry: Registry, live: LiveControl): void {
  const perStream = (name: string, help: string, read: (stream: DvrReport['streams'][number]) => number) =>
    new Counter({
      name,
      help,
      labelNames: ['stream_id'],
      registers: [registry],
      collect() {
        this.reset()
        for (const stream of live.dvr()?.streams ?? []) this.inc({ stream_id: stream.streamId }, read(stream))
      },
    })
  perStream('dvr_segments_recorded_total', 'Segments that are safe on the disk', ({ segments }) => segments)
  perStream('dvr_recorded_bytes_total', 'Bytes of recorded segments', ({ bytes }) => bytes)
  perStream('dvr_segments_lost_total', 'Segments that could not be recorded', ({ lost }) => lost)
  const streamGauge = (name: string, help: string, read: (stream: DvrReport['streams'][number]) => number | null) =>
    new Gauge({
      name,
      help,
      labelNames: ['stream_id'],
      registers: [registry],
      collect() {
        this.reset()
        for (const stream of live.dvr()?.streams ?? []) {
          const value = read(stream)
          // Unknown is no series: 0 would be a claim.
          if (value !== null) this.set({ stream_id: stream.streamId }, value)
        }
      },
    })
  streamGauge(
    'dvr_storage_bytes',
    'Recorded media that is kept, in the store and in the spool',
    ({ storedBytes }) => storedBytes,
  )
  streamGauge(
    'dvr_growth_bytes_per_hour',
    'Growth of recordings over the last three hours',
    ({ growth }) => growth.bytesPerHour,
  )
  streamGauge(
    'dvr_growth_bytes_per_day',
    'What a day adds, if it goes on as in the last one',
    ({ growth }) => growth.bytesPerDay,
  )
  const gauge = (name: string, help: string, read: (report: DvrReport) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const report = live.dvr()
        this.set(report === null ? 0 : read(report))
      },
    })
  gauge('dvr_spool_bytes', 'Recorded media that is not in its store yet', ({ spoolBytes }) => spoolBytes)
  gauge('dvr_spool_max_bytes', 'What the spool may hold', ({ spoolMaxBytes }) => spoolMaxBytes)
  gauge('dvr_rpo_seconds', 'Media that a lost machine takes with it at most', ({ rpoMs }) => rpoMs / 1000)
  gauge('dvr_oldest_unsaved_seconds', 'Age of the oldest segment that only the spool has', ({ oldestUnsavedAtMs }) =>
    oldestUnsavedAtMs === null ? 0 : Math.max(0, (Date.now() - oldestUnsavedAtMs) / 1000),
  )
}

function registerPlayback(registry: Registry, live: LiveControl): void {
  new Counter({
    name: 'dvr_playback_requests_total',
    help: 'Segments that players asked for, by where their bytes came from',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [source, count] of Object.entries(live.served())) this.inc({ source }, count)
    },
  })
  new Counter({
    name: 'dvr_cache_requests_total',
    help: 'Segments looked for in the read cache, by how that went',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(live.dvr()?.cache?.requests ?? {})) this.inc({ result }, count)
    },
  })
  new Counter({
    name: 'dvr_cache_filled_bytes_total',
    help: 'Bytes read out of the store into the read cache',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(live.dvr()?.cache?.filledBytes ?? 0)
    },
  })
  const gauge = (name: string, help: string, read: (cache: CacheReport) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const cache = live.dvr()?.cache ?? null
        this.set(cache === null ? 0 : read(cache))
      },
    })
  gauge('dvr_cache_bytes', 'Copies in the read cache', ({ bytes }) => bytes)
  gauge('dvr_cache_max_bytes', 'What the read cache may hold; 0: there is none', ({ maxBytes }) => maxBytes)
}

/** Seconds: from a picture of a moment to a video of hours. */
const JOB_BUCKETS_SEC = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400]

function registerJobs(
  registry: Registry,
  jobs: Pick<JobService, 'kinds' | 'unfinished' | 'throttled' | 'onChange'>,
): () => void {
  for (const state of ['waiting', 'running'] as const) {
    new Gauge({
      name: `jobs_${state}`,
      help:
        state === 'waiting'
          ? 'Jobs that wait, for their time or for room, on all Mirrors of this database'
          : 'Jobs that run, on all Mirrors of this database',
      labelNames: ['kind'],
      registers: [registry],
      async collect() {
        // A database that is away must not take the other figures with it.
        const counts = await jobs.unfinished().catch(() => null)
        this.reset()
        if (counts === null) return
        for (const kind of jobs.kinds) this.set({ kind }, 0)
        for (const { kind, count } of counts.filter((each) => each.state === state)) this.set({ kind }, count)
      },
    })
  }
  new Counter({
    name: 'jobs_throttled_total',
    help: 'Jobs that were due and had to wait because their tenant had as many running as it may, each once',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset()
      for (const kind of jobs.kinds) this.inc({ kind }, 0)
      for (const { kind, count } of jobs.throttled()) this.inc({ kind }, count)
    },
  })
  const total = new Counter({
    name: 'jobs_total',
    help: 'Jobs that ended in this process, by how',
    labelNames: ['kind', 'result'],
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'job_duration_seconds',
    help: 'Time that jobs took which ended in this process: from the begin of their last attempt',
    labelNames: ['kind'],
    buckets: JOB_BUCKETS_SEC,
    registers: [registry],
  })
  return jobs.onChange(({ kind, state, startedAtMs, finishedAtMs }) => {
    if (state === 'running' || state === 'waiting') return
    total.inc({ kind, result: state })
    if (startedAtMs !== null && finishedAtMs !== null) {
      duration.observe({ kind }, Math.max(0, finishedAtMs - startedAtMs) / 1000)
    }
  })
}

function registerBackups(
  registry: Registry,
  { backups, clock }: { readonly backups: Pick<BackupWatch, 'newest'>; readonly clock: () => number },
): void {
  const gauge = (name: string, help: string, read: (newestAtMs: number) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        // Not 0, which would be a claim: no backup is no series.
        if (backups.newest === null) this.remove()
        else this.set(read(backups.newest.atMs))
      },
    })
  gauge('catalog_backup_age_seconds', 'Age of the newest backup of the catalog in the store', (atMs) =>
    Math.max(0, (clock() - atMs) / 1000),
  )
  gauge(
    'catalog_backup_last_success_timestamp_seconds',
    'When the newest backup of the catalog was made, Unix time',
    (atMs) => atMs / 1000,
  )
}

function registerConnections(registry: Registry, live: LiveControl): void {
  new Gauge({
    name: 'media_connections',
    help: 'Open connections to the media port',
    registers: [registry],
    collect() {
      this.set(live.connections().open)
    },
  })
  new Counter({
    name: 'media_connections_refused_total',
    help: 'Connections to the media port that were refused, and idle ones that gave way to others',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      const { refused, evicted } = live.connections()
      this.reset()
      for (const [reason, count] of Object.entries({ ...refused, idle: evicted })) this.inc({ reason }, count)
    },
  })
}

function registerNetwork(registry: Registry, live: LiveControl): void {
  new Gauge({
    name: 'stream_input_rtt',
    help: 'Round trip to the encoder (SRT), seconds',
    labelNames: ['stream_id'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id, input } of live.statuses()) {
        if (input !== null && input.rttMs !== null) this.set({ stream_id: id }, input.rttMs / 1000)
      }
    },
  })
  new Gauge({
    name: 'stream_input_packets',
    help: "Packets of the encoder's connection (SRT) by fate: lost once, retransmitted, dropped for good",
    labelNames: ['stream_id', 'fate'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { id, input } of live.statuses()) {
        const fates = {
          lost: input?.packetsLost,
          retransmitted: input?.packetsRetransmitted,
          dropped: input?.packetsDropped,
        }
        for (const [fate, count] of Object.entries(fates)) {
          if (typeof count === 'number') this.set({ stream_id: id, fate }, count)
        }
      }
    },
  })
}
