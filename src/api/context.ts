// What routes may use. Built once in server.ts; a route takes what it needs from here and nothing else.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { BackupWatch } from '../backup/backup-watch.ts'
import type { Catalog } from '../catalog/types.ts'
import type { Log } from '../core/log.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { IncomingDesk } from '../library/assets/incoming-desk.ts'
import type { UploadDesk } from '../library/uploads/upload-desk.ts'
import type { LiveControl } from '../live/control.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Access, Principal } from './access.ts'
import type { ApiSecrets } from './api-secrets.ts'
import type { AssetService } from './asset-service.ts'
import type { Authenticator } from './authenticator.ts'
import type { DateRangeService } from './date-range-service.ts'
import type { DirectUploadService } from './direct-upload-service.ts'
import type { DvrRecordingService } from './dvr-recording-service.ts'
import type { EventHub } from './event-hub.ts'
import type { Metrics } from './metrics.ts'
import type { ObjectService } from './object-service.ts'
import type { RecordingPolicyService } from './recording-policy-service.ts'
import type { RecordingService } from './recording-service.ts'
import type { LoginLimits } from './request-gate.ts'
import type { StoreService } from './store-service.ts'
import type { StreamService } from './stream-service.ts'
import type { Addresses } from './stream-urls.ts'
import type { WebhookService } from './webhook-service.ts'

export interface WatchedBucket {
  readonly desk: Pick<IncomingDesk, 'notice'>
  readonly bucket: string
  /** Of the store, before every key. */
  readonly keyPrefix: string
}

export interface ApiContext {
  readonly catalog: Catalog
  readonly live: LiveControl
  readonly jobs: JobService
  readonly backups: Pick<BackupWatch, 'newest' | 'trouble'>
  readonly secrets: ApiSecrets
  readonly store: ObjectStore
  readonly addresses: Addresses
  readonly database: 'sqlite' | 'postgres'
  readonly metricsAccess: 'loopback' | 'key' | 'public'
  readonly version: string
  readonly startedAtMs: number
  readonly clock: () => number
  readonly log: Log
  readonly auth: Authenticator
  readonly events: EventHub
  readonly metrics: Metrics
  readonly streams: StreamService
  readonly dateRanges: DateRangeService
  readonly dvrRecordings: DvrRecordingService
  readonly recordings: RecordingService
  readonly recordingPolicies: RecordingPolicyService
  readonly assets: AssetService
  readonly objects: ObjectService
  readonly stores: StoreService
  readonly uploads: UploadDesk
  readonly directUploads: DirectUploadService
  /** Null: no bucket is watched. */
  readonly incoming: WatchedBucket | null
  readonly webhooks: WebhookService
  readonly logins: LoginLimits
  /** Ends WebSocket connections whose credential no longer holds. */
  readonly recheckSockets: () => void
}

export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route; every route says it. */
    access?: Access
    /** Its body takes as long as it goes on: whoever reads it sees to it that it does. */
    longBody?: boolean
    /** An API key may also stand in `?key=`: for senders that know no headers. */
    keyInQuery?: boolean
  }
  interface FastifyRequest {
    /** Who asks, or null: set before any handler runs. */
    principal: Principal | null
  }
}
