// The one catalogue of everything that can go wrong in a way somebody has to act on.
// docs/reference/errors.md lists the same rows; a test keeps them equal.

/** Who has to act. Decides the alert, the retry and the wording a user sees. */
export type Fault = 'caller' | 'destination' | 'mirror'

interface CatalogueEntry {
  readonly fault: Fault
  /** HTTP status wherever this error is answered over HTTP. */
  readonly status: number
  readonly title: string
  /** What to do next, in one sentence. */
  readonly advice: string
}

export const ERRORS = {
  // Start-up
  config_invalid: row(
    'caller',
    500,
    'The configuration is not valid',
    'Correct the named key; deploy/mirror.example.yml explains every one.',
  ),
  data_folder_in_use: row(
    'caller',
    500,
    'Another Mirror uses this data folder',
    'Stop the other process or choose another folder with MIRROR_DATA.',
  ),
  data_folder_not_writable: row(
    'caller',
    500,
    'The data folder cannot be written',
    'Give the user that runs Mirror write permission, or set MIRROR_DATA.',
  ),
  port_taken: row(
    'caller',
    500,
    'A port is already in use',
    'Stop what listens there or choose another port; the message names the setting.',
  ),
  ffmpeg_missing: row('caller', 503, 'ffmpeg was not found', 'Install it (apt-get install ffmpeg) or set ffmpeg.path.'),
  srt_library_missing: row(
    'caller',
    503,
    'libsrt was not found',
    'Install it (apt-get install libsrt1.5-gnutls) and restart Mirror.',
  ),
  database_unavailable: row(
    'destination',
    503,
    'The database cannot be reached',
    'Check MIRROR_DATABASE_URL and that the server runs.',
  ),
  database_newer: row(
    'caller',
    500,
    'A newer Mirror wrote the database',
    'Start that version or a newer one, or restore the backup from before the update.',
  ),
  // API
  invalid_request: row('caller', 400, 'The request is not valid', 'Correct the fields named in "errors".'),
  unauthorized: row('caller', 401, 'Not logged in', 'Send "Authorization: Bearer <API key>" or log in to the console.'),
  forbidden: row('caller', 403, 'Not allowed', 'Use a key or user whose role permits this.'),
  route_not_found: row(
    'caller',
    404,
    'There is nothing at this address',
    'See /api/v1/openapi.json for the routes that exist.',
  ),
  login_failed: row(
    'caller',
    401,
    'Wrong name or password',
    'Try again, or print a new login link with "mirror login-link".',
  ),
  login_link_invalid: row(
    'caller',
    401,
    'This login link was used or has expired',
    'Print a new one with "mirror login-link".',
  ),
  key_not_found: row('caller', 404, 'There is no such API key', 'List the keys to see which exist.'),
  rate_limited: row('caller', 429, 'Too many requests', 'Wait for the time in Retry-After.'),
  connections_full: row(
    'mirror',
    503,
    'All connections are taken',
    'Try again; raise media.maxConnections (with "ulimit -n") or put a CDN in front.',
  ),
  connections_per_address: row(
    'caller',
    429,
    'Too many connections from one address',
    'Close some; name proxies and edges in trustedAddresses.',
  ),
  payload_too_large: row('caller', 413, 'The request body is too large', 'Send less; the limit is in the message.'),
  upload_length_wrong: row(
    'caller',
    400,
    'The upload is not of the declared length',
    'Send it again; the connection may have been cut, or the file has changed meanwhile.',
  ),
  upload_stalled: row('caller', 408, 'The upload sent nothing for too long', 'Send it again; nothing of it was kept.'),
  upload_empty: row('caller', 400, 'The upload has no bytes', 'See whether the file was written at all, then send it.'),
  upload_interrupted: row('caller', 400, 'The upload broke off', 'Send it again; nothing of it was kept.'),
  uploads_full: row('mirror', 503, 'Too many uploads at once', 'Send it again in a moment; Retry-After says when.'),
  link_invalid: row(
    'caller',
    403,
    'The link is not valid',
    'Ask for a new one; a link works only exactly as it was given out.',
  ),
  link_expired: row('caller', 403, 'The link has expired', 'Ask whoever gave it out for a new one.'),
  range_unsatisfiable: row(
    'caller',
    416,
    'There are no such bytes',
    'Ask for bytes below the size, which Content-Range names.',
  ),
  internal: row('mirror', 500, 'Mirror failed', 'Look at the log around the given time and report it.'),
  // Streams
  stream_not_found: row(
    'caller',
    404,
    'There is no such stream',
    'Check the id; "mirror stream list" shows the ones that exist.',
  ),
  stream_exists: row('caller', 409, 'A stream with this id exists', 'Choose another id, or use the existing stream.'),
  stream_offline: row(
    'caller',
    404,
    'The stream is not live',
    'Start the encoder; the stream page shows ready-to-paste commands.',
  ),
  stream_busy: row(
    'caller',
    409,
    'Another publisher is live on this stream',
    'Stop it first, or allow takeover in the stream settings.',
  ),
  // Ingest
  publish_key_wrong: row(
    'caller',
    403,
    'Wrong publish key',
    'Copy the key from the stream page; it may have been rotated.',
  ),
  publisher_limit: row(
    'mirror',
    503,
    'The limit of concurrent publishers is reached',
    'Stop a publisher or raise ingest.maxPublishers.',
  ),
  window_memory_full: row(
    'mirror',
    503,
    'The memory for live windows is used up',
    'Stop a publisher or raise window.maxBytes.',
  ),
  ingest_malformed: row(
    'caller',
    400,
    'The input cannot be parsed',
    'Check the encoder settings; the message says what was found.',
  ),
  ingest_truncated: row(
    'caller',
    400,
    'The input ended in the middle of a fragment',
    'Let the encoder finish its fragments; what came before was published.',
  ),
  ingest_init_missing: row(
    'caller',
    412,
    'Media came before its initialization',
    'Send the CMAF header (ftyp, moov) first, also after a reconnect.',
  ),
  ingest_codec_unsupported: row(
    'caller',
    415,
    'The codec is not supported',
    'Use H.264, HEVC or AV1 video and AAC or Opus audio.',
  ),
  ingest_type_unsupported: row(
    'caller',
    415,
    'The input is not of a supported format',
    'Send fragmented MP4 (CMAF) here.',
  ),
  ingest_fragment_too_large: row(
    'caller',
    413,
    'A fragment exceeds the size limit',
    'Shorten the fragments (for example -frag_duration 200000).',
  ),
  ingest_overrun: row(
    'mirror',
    503,
    'The input arrives faster than it can be processed',
    'Lower the bit rate or give Mirror more cores.',
  ),
  ingest_timeout: row(
    'caller',
    408,
    'The publisher sent nothing for too long',
    'Check the network between encoder and Mirror.',
  ),
  ingest_no_media: row('caller', 400, 'The input carries no audio or video', 'Check what the encoder sends.'),
  input_ended: row(
    'caller',
    410,
    'The input was ended',
    'The stream was restarted, deleted or taken over; connect again if that was not meant.',
  ),
  slate_unreadable: row(
    'caller',
    400,
    'The slate cannot be used',
    'Upload a PNG or JPEG picture, or an MP4 clip with H.264 video, of at most 20 MiB and 60 s.',
  ),
  slate_not_found: row('caller', 404, 'The stream has no slate', 'Upload one with "mirror stream slate set".'),
  daterange_exists: row(
    'caller',
    409,
    'There is a date range with this id',
    'Choose another id, or end the one that is there.',
  ),
  daterange_fixed: row(
    'caller',
    409,
    'A date range cannot be changed in this respect',
    'Players may have read it already: only add what is not said yet, or end it and add another.',
  ),
  daterange_limit: row('caller', 409, 'The stream has too many date ranges', 'Remove some that are over.'),
  daterange_listed: row(
    'caller',
    409,
    'The date range lies in a playlist',
    'End it; it can be removed when playlists have left it behind.',
  ),
  daterange_not_found: row(
    'caller',
    404,
    'There is no such date range',
    'List the date ranges of the stream to see which exist.',
  ),
  input_not_ready: row(
    'caller',
    409,
    'The input brings nothing that could be shown',
    'Start its encoder, or wait for its next keyframe; the list of inputs shows the health of each.',
  ),
  input_not_found: row('caller', 404, 'There is no such input', 'List the inputs of the stream to see which exist.'),
  input_port_taken: row(
    'caller',
    409,
    'Another input uses this port',
    'Choose another port, or remove the input named in the message.',
  ),
  input_source_failed: row(
    'destination',
    503,
    'The source of an input cannot be read',
    'Check the address and that the source runs; Mirror keeps trying while the input is switched on.',
  ),
  test_source_failed: row('mirror', 503, 'The test source stopped', 'The message carries the last words of ffmpeg.'),
  // Delivery
  directive_invalid: row(
    'caller',
    400,
    'The delivery directive is not valid',
    'See RFC 8216bis section 6.2.5.2: _HLS_part needs _HLS_msn, and neither may lie far ahead.',
  ),
  reload_timeout: row('mirror', 503, 'The playlist did not advance in time', 'Repeat the request.'),
  media_not_found: row('caller', 404, 'There is no such media', 'Take addresses from the current playlist.'),
  media_gone: row('caller', 410, 'This media has left the window', 'Take addresses from the current playlist.'),
  origin_unavailable: row('mirror', 503, 'The origin cannot answer now', 'Repeat the request.'),
  // Storage
  store_unavailable: row(
    'destination',
    503,
    'The store cannot be reached',
    'Check the disk or the endpoint; live goes on meanwhile.',
  ),
  store_cannot: row(
    'destination',
    501,
    'The store cannot do this',
    'Use a store that can ("mirror store probe" shows what it can do); for timeline entries the database can decide instead (timeline.arbiter).',
  ),
  store_not_found: row('caller', 404, 'There is no such store', '"mirror store list" shows the ones that exist.'),
  store_exists: row('caller', 409, 'A store with this name exists', 'Choose another name, or use that store.'),
  store_overlaps: row(
    'caller',
    409,
    'Another store lies there',
    'Give each store a folder, a bucket or a prefix of its own; nothing was changed.',
  ),
  store_fixed: row(
    'caller',
    409,
    'The store comes from the configuration',
    'Change store.path or store.s3 in the configuration and start Mirror again.',
  ),
  store_unusable: row(
    'destination',
    422,
    'Mirror cannot keep objects there',
    'Correct what the message names, then attach the store again; nothing was kept of it.',
  ),
  store_sealed: row(
    'caller',
    409,
    'The credentials of the store cannot be read',
    'They were sealed under another installation secret: put secrets/installation back, or remove the store and attach it again.',
  ),
  object_archived: row(
    'destination',
    503,
    'The object is archived',
    'Restore it with "mirror object restore"; what is restoring tells when it is ready, and can be asked for again then.',
  ),
  object_exists: row('caller', 412, 'An object with this key exists', 'Nothing was changed.'),
  recording_not_found: row(
    'caller',
    404,
    'Nothing was recorded there',
    'See what was recorded with "mirror dvr show"; recording begins when it is switched on for the stream.',
  ),
  recording_unknown: row(
    'caller',
    404,
    'There is no such recording',
    'List the recordings with "mirror dvr recordings" to see which exist.',
  ),
  call_recording_not_found: row(
    'caller',
    404,
    'There is no such recording of a call',
    'List them with "mirror recordings list"; what was deleted is not shown.',
  ),
  recording_damaged: row(
    'mirror',
    500,
    'The bytes of a recording are not those that came in',
    'Look for faults of the disk or the store; send the recording again if the PBX still has it.',
  ),
  recording_bytes_missing: row(
    'caller',
    409,
    'The recording has no bytes',
    'They never arrived, or the store has lost them: send the recording again.',
  ),
  recording_active: row(
    'caller',
    409,
    'A recording is running',
    'Stop it with "mirror dvr stop"; its id is in the details of this error.',
  ),
  recording_live: row(
    'caller',
    409,
    'This part of the recording is still live',
    'Ask for an earlier end, or for none: then everything goes that can; the message says up to when.',
  ),
  recording_inactive: row(
    'caller',
    409,
    'No recording is running',
    'Start one with "mirror dvr start"; what a stream records by its settings goes on by itself.',
  ),
  stream_recorded: row(
    'caller',
    409,
    'Recordings of the stream are kept',
    'Delete them first ("mirror dvr recordings", "mirror dvr delete"), then the stream.',
  ),
  spool_full: row(
    'mirror',
    503,
    'The spool of recordings is full',
    'See why the store is slow or away; raise dvr.spool.maxBytes. Live goes on; what is missing is marked as a gap.',
  ),
  index_damaged: row(
    'mirror',
    500,
    'An index of a recording is damaged',
    'Run "mirror fsck --repair": it makes the index anew from the media; media of other hours plays on.',
  ),
  media_damaged: row(
    'mirror',
    500,
    'A recorded segment is damaged',
    'Run "mirror scrub" to find all that are; what lies before and behind it plays on.',
  ),
  // Files pulled from an address
  pull_url_invalid: row('caller', 400, 'The address cannot be pulled', 'Give an http or https address of a file.'),
  pull_address_forbidden: row(
    'caller',
    403,
    'The address is not public',
    'Files are pulled from public addresses; name hosts of your own network in pull.allow.',
  ),
  pull_host_unknown: row('caller', 422, 'The host of the address is not known', 'Check the name and the DNS.'),
  pull_unreachable: row('destination', 502, 'The source cannot be reached', 'Check that it runs; try again.'),
  pull_tls_failed: row(
    'destination',
    502,
    'The source has no certificate that can be trusted',
    'Give the source a valid certificate for the name in the address.',
  ),
  pull_status: row(
    'destination',
    502,
    'The source did not give out the file',
    'The message has its status; check that the address is right and needs no login.',
  ),
  pull_redirect_refused: row(
    'destination',
    502,
    'The source redirects too often or to where it may not',
    'Give the address that the file has in the end.',
  ),
  pull_answer_invalid: row('destination', 502, 'The answer of the source is not valid HTTP', 'Check the source.'),
  pull_encoded: row(
    'destination',
    502,
    'The source compresses the file unasked',
    'Let the source send files as they are (Accept-Encoding: identity).',
  ),
  pull_too_large: row('caller', 413, 'The file at the address is too large', 'The message names the limit.'),
  pull_no_answer: row('destination', 504, 'The source did not answer in time', 'Check that it runs; try again.'),
  pull_stalled: row('destination', 504, 'The source stopped sending', 'Check the source and the line; try again.'),
  pull_timeout: row('destination', 504, 'The file took too long to come', 'Check the source and the line; try again.'),
  pull_truncated: row(
    'destination',
    502,
    'The file did not come whole',
    'Try again; if it happens each time the file is damaged at its source.',
  ),
  // Webhooks
  webhook_not_found: row('caller', 404, 'There is no such webhook', 'List them with "mirror webhook list".'),
  webhooks_full: row(
    'caller',
    409,
    'There are too many webhooks',
    'Remove one, or let one endpoint hand on to others.',
  ),
  webhook_disabled: row(
    'caller',
    409,
    'The webhook is switched off',
    'Switch it on with "mirror webhook enable", then replay what it missed.',
  ),
  webhook_sealed: row(
    'caller',
    409,
    'The secret of the webhook cannot be opened',
    'The installation secret was replaced: remove the webhook and add it again.',
  ),
  delivery_not_found: row(
    'caller',
    404,
    'There is no such delivery',
    'List them with "mirror webhook deliveries"; those that have ended are kept for seven days.',
  ),
  // Uploads past Mirror into the store
  direct_upload_unsupported: row(
    'caller',
    409,
    'The store takes no uploads past Mirror',
    'It is a folder: send the file as a form to /api/v1/assets, or in parts (tus) to /api/v1/uploads.',
  ),
  direct_upload_missing: row(
    'caller',
    409,
    'The upload is not in the store',
    'Send all of it to the addresses that were given out, then complete it; or begin anew.',
  ),
  upload_ticket_invalid: row(
    'caller',
    400,
    'The ticket is not one of an upload',
    'Send it as it was given out; after 48 hours begin anew.',
  ),
  content_checksum_wrong: row(
    'caller',
    422,
    'The content does not have its checksum',
    'Look whether the file has changed, and send it again; nothing was kept.',
  ),
  incoming_disabled: row(
    'caller',
    409,
    'No bucket is watched',
    'Set incoming.prefix; notifications come from the bucket that is the store, folders are listed.',
  ),
  incoming_changed: row(
    'destination',
    409,
    'The file was changed while it was read',
    'Write it under another name (such as a.mp4.part) and rename it; it is read again in a moment.',
  ),
  // Resumable uploads
  upload_not_found: row(
    'caller',
    404,
    'There is no such upload',
    'Begin it again; uploads that nobody continues expire.',
  ),
  upload_offset_wrong: row(
    'caller',
    409,
    'The upload is not at this offset',
    'Ask where it is (HEAD) and continue from there.',
  ),
  upload_superseded: row(
    'caller',
    423,
    'Another request continues this upload',
    'Send the parts of an upload one after another.',
  ),
  upload_checksum_wrong: row(
    'caller',
    460,
    'The part does not have its checksum',
    'Send the part again; it was not kept.',
  ),
  upload_paused: row(
    'caller',
    408,
    'The upload sent nothing for too long',
    'Ask where it is (HEAD) and continue from there; what came was kept.',
  ),
  upload_cut_off: row(
    'caller',
    400,
    'The connection of the upload broke off',
    'Ask where it is (HEAD) and continue from there; what came was kept.',
  ),
  upload_limit: row(
    'caller',
    429,
    'Too many unfinished uploads',
    'Finish or delete some; uploads.maxUnfinished is the limit.',
  ),
  upload_disk_full: row(
    'mirror',
    507,
    'There is no space for the upload',
    'Make room on the disk of the data folder; uploads leave uploads.keepFree of it free. What came was kept.',
  ),
  upload_type_wrong: row(
    'caller',
    415,
    'The part of the upload is not of the right type',
    'Send it as "Content-Type: application/offset+octet-stream".',
  ),
  tus_version_unsupported: row(
    'caller',
    412,
    'Mirror speaks tus 1.0.0',
    'Send "Tus-Resumable: 1.0.0"; see tus.io for clients.',
  ),
  // Backups of the catalog
  backup_not_found: row(
    'caller',
    404,
    'There is no such backup',
    'List them with "mirror catalog backups"; without any, "mirror catalog rebuild" brings back what was recorded.',
  ),
  backup_damaged: row(
    'destination',
    500,
    'A backup of the catalog cannot be used',
    'Nothing was changed. Take another one: "mirror catalog backups" lists them, --from chooses.',
  ),
  backup_newer: row(
    'caller',
    500,
    'A newer Mirror wrote this backup',
    'Restore it with that version or a newer one, or take an older backup.',
  ),
  catalog_not_empty: row(
    'caller',
    409,
    'The catalog has data',
    'Nothing was changed. With --replace it is kept aside and replaced.',
  ),
  catalog_in_use: row('caller', 409, 'The catalog is in use', 'Stop every Mirror that uses it; nothing was changed.'),
  // Jobs
  asset_not_found: row(
    'caller',
    404,
    'There is no such asset',
    'List them with GET /api/v1/assets or "mirror asset list"; with --trash those that were deleted.',
  ),
  rendition_not_found: row(
    'caller',
    404,
    'The asset has no such rendition',
    'Its "renditions" are listed with it; those of content that is not ready yet are still to come.',
  ),
  asset_busy: row('caller', 409, 'The asset is being processed', 'Wait until it is ready or has failed.'),
  content_unsupported: row(
    'caller',
    415,
    'This content cannot be processed',
    'Upload it in a format that the guide of the library names; the original is kept and can be downloaded.',
  ),
  content_damaged: row(
    'caller',
    422,
    'The content is damaged',
    'Export it again and upload that; the original is kept and can be downloaded.',
  ),
  content_too_large: row(
    'caller',
    422,
    'The content is larger than what is processed',
    'The message names the limit: upload a smaller version; the original is kept and can be downloaded.',
  ),
  processing_busy: row('mirror', 503, 'Too much is being processed', 'Try again after the time in Retry-After.'),
  scratch_full: row(
    'mirror',
    507,
    'There is no room on the disk to go on',
    'Make room on the disk of the data folder or of the store: it goes on by itself then. What was stored is kept.',
  ),
  processing_timeout: row(
    'mirror',
    503,
    'Processing took too long',
    'It is tried again; if that does not help the content asks for more work than it is given.',
  ),
  processing_died: row(
    'mirror',
    503,
    'The process that read the content ended',
    'It is tried again; the log has its last words. Content that asks for more memory than it is given ends so.',
  ),
  mediaconvert_failed: row(
    'destination',
    502,
    'MediaConvert did not make the video',
    'The message has what AWS said of it; it is tried again as a new job. Without processing.mediaconvert ffmpeg makes it here.',
  ),
  mediaconvert_refused: row(
    'destination',
    502,
    'MediaConvert does not take the job',
    'Check the role, the queue and the region in processing.mediaconvert, and that Mirror may create jobs and pass that role.',
  ),
  mediaconvert_unavailable: row(
    'destination',
    503,
    'MediaConvert cannot be reached',
    'Check the network and processing.mediaconvert.endpoint; a job that was begun goes on, and is asked for again.',
  ),
  job_not_found: row(
    'caller',
    404,
    'There is no such job',
    '"mirror job list" shows the ones that exist; what ended 30 days ago is forgotten.',
  ),
  job_ended: row('caller', 409, 'The job has ended', 'See how with "mirror job show"; start another one if need be.'),
  job_abandoned: row(
    'mirror',
    500,
    'The workers of a job died or hung in every attempt',
    'Look at the log around its last start, then retry the job.',
  ),
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ERRORS

/** Of a code that was stored: whoever asked has to act. False for one that there is no more. */
export function isCallersFault(code: string): boolean {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as ErrorCode].fault === 'caller'
}

/** Facts for the log line and the event. Never secrets, never bodies. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

export interface Circumstances {
  readonly details?: ErrorDetails
  readonly cause?: unknown
}

/** The only error class that crosses a module border. `message` says what failed and for whom. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, circumstances: Circumstances = {}) {
    super(message, circumstances.cause === undefined ? undefined : { cause: circumstances.cause })
    this.code = code
    this.details = circumstances.details ?? {}
  }
}

export function isMirrorError(error: unknown, code?: ErrorCode): error is MirrorError {
  return error instanceof MirrorError && (code === undefined || error.code === code)
}

/** Turns whatever was thrown into a catalogue error; a bug becomes `internal` with the original as its cause. */
export function toMirrorError(error: unknown): MirrorError {
  if (error instanceof MirrorError) return error
  return new MirrorError('internal', error instanceof Error ? error.message : String(error), { cause: error })
}

function row(fault: Fault, status: number, title: string, advice: string): CatalogueEntry {
  return { fault, status, title, advice }
}
