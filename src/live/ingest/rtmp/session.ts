// The command side of one RTMP connection, as a state machine without sockets or clocks.
// Source: RTMP 1.0, sections 5.4 and 7; Enhanced RTMP v2, "Enhancing NetConnection connect Command".
import { MirrorError } from '../../../core/errors.ts'
import { isStreamId } from '../../../core/stream-id.ts'
import type { Admission, InputFault } from '../protocol.ts'
import { type AmfValue, amfObject, decodeAmf0, encodeAmf0 } from './amf0.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { type FlvTag, scriptData, splitAggregate } from './flv-tag.ts'
import { MESSAGE, type RtmpMessage, readUint32, USER_CONTROL, writeUint32 } from './message.ts'
import { APP_NAME, parseConnectTarget, parsePublishTarget } from './stream-key.ts'

/** What we announce: clients acknowledge, and are acknowledged, once per so many bytes. */
const WINDOW_BYTES = 2_500_000
/** Section 5.4.5, limit type "dynamic". */
const PEER_BANDWIDTH_DYNAMIC = 2
/** ffmpeg takes this size over for what it sends, so a large one saves both sides work. */
const CHUNK_SIZE = 65_536
/** Section 5.3.1.1: chunk stream 2 is for control messages; commands may take any other. */
const CONTROL_CHUNK_STREAM = 2
const COMMAND_CHUNK_STREAM = 3
const STATUS_CHUNK_STREAM = 5
/** One is used; encoders that create a second one before they delete the first exist. */
const MAX_MESSAGE_STREAMS = 16
/** Stream id, key and whatever an encoder appends. */
const MAX_NAME_LENGTH = 512

/** What Mirror passes on to players. Enhanced RTMP v2, FourCcInfoMask: CanForward. */
const CAN_FORWARD = 0x04
const VIDEO_FOUR_CCS = ['av01', 'hvc1', 'avc1'] as const
const AUDIO_FOUR_CCS = ['Opus', 'mp4a'] as const

/** What the session wants done. Calls happen inside `receive`, `accepted`, `refused` and `end`, in order. */
export interface SessionHost {
  send(bytes: Uint8Array): void
  /** Checks a key; null when the encoder named no stream. */
  authorise(streamId: string | null, key: string): Admission
  /** The stream may be published: ask its owner, then call `accepted` or `refused`. Media may arrive before that. */
  open(streamId: string): void
  media(tag: FlvTag): void
  /** The publisher said goodbye; the connection may publish again. */
  unpublish(): void
  /** Everything has been said: flush and close. `reported` is true when the gate knows of the fault already. */
  close(fault: InputFault, reported: boolean): void
}

type State = 'new' | 'connected' | 'opening' | 'publishing' | 'closed'

export class RtmpSession {
  readonly #host: SessionHost
  readonly #reader: ChunkReader
  readonly #writer = new ChunkWriter()
  #state: State = 'new'
  #connectKey: string | null = null
  #messageStreams = 0
  #publishStreamId = 0
  #publishedName = ''
  #receivedBytes = 0
  #acknowledgedBytes = 0
  #peerWindowBytes = WINDOW_BYTES

  constructor(host: SessionHost) {
    this.#host = host
    this.#reader = new ChunkReader((message) => this.#handle(message))
  }

  /** True once `connect` has succeeded: from then on a status message is understood. */
  get connected(): boolean {
    return this.#state !== 'new' && this.#state !== 'closed'
  }

  /** Bytes after the handshake. Throws `ingest_malformed`; then call `end` with that fault. */
  receive(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#receivedBytes += bytes.length
    this.#reader.push(bytes)
    if (this.#receivedBytes - this.#acknowledgedBytes >= this.#peerWindowBytes) {
      this.#acknowledgedBytes = this.#receivedBytes
      this.#sendControl(MESSAGE.acknowledgement, this.#receivedBytes >>> 0)
    }
  }

  /** The owner takes the stream. */
  accepted(): void {
    if (this.#state !== 'opening') return
    this.#state = 'publishing'
    this.#sendUserControl(USER_CONTROL.streamBegin, this.#publishStreamId)
    this.#sendStatus('status', 'NetStream.Publish.Start', `${this.#publishedName} is live.`)
  }

  /** The owner does not take the stream, or the gate gave up. */
  refused(fault: InputFault): void {
    if (this.#state === 'opening') this.#refusePublish(fault, true)
  }

  /** Ends the session from our side; the encoder reads why. */
  end(fault: InputFault): void {
    if (this.#state === 'closed') return
    if (this.connected) this.#sendStatus('error', 'NetStream.Publish.Rejected', fault.message)
    this.#close(fault, true)
  }

  /** Says that nothing more will be taken, without blaming the encoder. */
  goodbye(reason: string): void {
    if (this.#state === 'publishing') this.#sendStatus('status', 'NetStream.Unpublish.Success', reason)
    this.#state = 'closed'
  }

  ping(timestampMs: number): void {
    if (this.#state !== 'closed') this.#sendUserControl(USER_CONTROL.pingRequest, timestampMs >>> 0)
  }

  #handle(message: RtmpMessage): void {
    if (this.#state === 'closed') return
    switch (message.type) {
      case MESSAGE.audio:
      case MESSAGE.video:
      case MESSAGE.data:
      case MESSAGE.dataAmf3:
        this.#media(message)
        break
      case MESSAGE.aggregate:
        if (this.#takesMedia) for (const tag of splitAggregate(message)) this.#media(tag)
        break
      case MESSAGE.command:
        this.#command(message, message.body)
        break
      case MESSAGE.commandAmf3:
        this.#command(message, message.body.subarray(1))
        break
      case MESSAGE.windowAckSize: {
        const window = message.body.length < 4 ? 0 : readUint32(message.body, 0)
        if (window > 0) this.#peerWindowBytes = window
        break
      }
      case MESSAGE.userControl:
        this.#userControl(message.body)
        break
      default: // Acknowledgements, bandwidth hints and shared objects change nothing for an ingest.
    }
  }

  get #takesMedia(): boolean {
    return this.#state === 'opening' || this.#state === 'publishing'
  }

  #media({ type, timestampMs, body }: FlvTag): void {
    if (!this.#takesMedia) return
    if (type === MESSAGE.audio || type === MESSAGE.video) {
      // Some encoders send empty messages when a track is muted.
      if (body.length > 0) this.#host.media({ type, timestampMs, body })
    } else if (type === MESSAGE.data || type === MESSAGE.dataAmf3) {
      const script = scriptData(type, body)
      if (script !== null) this.#host.media({ type: MESSAGE.data, timestampMs, body: script })
    }
  }

  #userControl(body: Uint8Array): void {
    if (body.length < 6) return
    const event = ((body[0] ?? 0) << 8) | (body[1] ?? 0)
    if (event === USER_CONTROL.pingRequest) this.#sendUserControl(USER_CONTROL.pingResponse, readUint32(body, 2))
  }

  #command(message: RtmpMessage, body: Uint8Array): void {
    const values = decodeAmf0(body)
    const [name, transaction] = values
    if (typeof name !== 'string' || typeof transaction !== 'number') {
      throw new MirrorError('ingest_malformed', 'An RTMP command has no name or no transaction number.')
    }
    if (name === 'connect') {
      this.#connect(transaction, values[2])
      return
    }
    if (this.#state === 'new') {
      throw new MirrorError('ingest_malformed', `The RTMP command "${clip(name)}" came before "connect".`)
    }

    switch (name) {
      case 'createStream':
        this.#createStream(transaction)
        break
      case 'publish':
        this.#publish(message.streamId, values[3])
        break
      case 'play':
      case 'play2':
        this.#refusePlay(message.streamId)
        break
      case 'FCUnpublish':
        this.#unpublish()
        this.#respond(transaction, undefined)
        break
      case 'deleteStream':
        if (values[3] === this.#publishStreamId) this.#unpublish()
        break
      case 'closeStream':
        if (message.streamId === this.#publishStreamId) this.#unpublish()
        break
      case 'getStreamLength':
        this.#respond(transaction, 0)
        break
      case 'releaseStream':
      case 'FCPublish':
      case '_checkbw':
        this.#respond(transaction, undefined)
        break
      case '_result':
      case '_error':
      case 'onStatus':
        break // Answers to questions that we do not ask.
      default:
        this.#respondError(transaction, 'NetConnection.Call.Failed', `There is no command "${clip(name)}".`)
    }
  }

  #connect(transaction: number, argument: AmfValue): void {
    if (this.#state !== 'new') throw new MirrorError('ingest_malformed', 'The RTMP command "connect" came twice.')
    const properties: ReadonlyMap<string, AmfValue> = argument instanceof Map ? argument : new Map()
    const target = parseConnectTarget(text(properties.get('app')), text(properties.get('tcUrl')))

    if (target.app !== APP_NAME) {
      const message = `There is no application "${clip(target.app)}": use rtmp://<host>/${APP_NAME} as the server address.`
      this.#refuseConnect(transaction, 'NetConnection.Connect.InvalidApp', { code: 'invalid_request', message }, false)
      return
    }
    if (target.key !== null) {
      const admission = this.#host.authorise(null, target.key)
      if (!admission.ok) {
        this.#refuseConnect(transaction, 'NetConnection.Connect.Rejected', admission.fault, true)
        return
      }
      this.#connectKey = target.key
    }

    this.#state = 'connected'
    this.#sendControl(MESSAGE.windowAckSize, WINDOW_BYTES)
    const bandwidth = new Uint8Array(5)
    writeUint32(bandwidth, 0, WINDOW_BYTES)
    bandwidth[4] = PEER_BANDWIDTH_DYNAMIC
    this.#send(CONTROL_CHUNK_STREAM, MESSAGE.setPeerBandwidth, 0, bandwidth)
    this.#sendControl(MESSAGE.setChunkSize, CHUNK_SIZE)
    const enhanced = enhancedProperties(properties)
    this.#sendCommand(COMMAND_CHUNK_STREAM, 0, [
      '_result',
      transaction,
      amfObject({ fmsVer: 'FMS/3,0,1,123', capabilities: 31, ...enhanced }),
      amfObject({
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connected.',
        objectEncoding: 0,
        ...enhanced,
      }),
    ])
  }

  #refuseConnect(transaction: number, code: string, fault: InputFault, reported: boolean): void {
    this.#respondError(transaction, code, fault.message)
    this.#close(fault, reported)
  }

  #createStream(transaction: number): void {
    if (this.#messageStreams >= MAX_MESSAGE_STREAMS) {
      this.#respondError(transaction, 'NetConnection.Call.Failed', `There are ${MAX_MESSAGE_STREAMS} streams already.`)
      return
    }
    this.#messageStreams += 1
    this.#respond(transaction, this.#messageStreams)
  }

  #publish(messageStreamId: number, nameValue: AmfValue): void {
    const name = text(nameValue)
    if (this.#takesMedia) {
      this.#sendStatusOn(
        messageStreamId,
        'error',
        'NetStream.Publish.BadName',
        'This connection publishes already; use a second connection for a second stream.',
      )
      return
    }
    this.#publishStreamId = messageStreamId
    if (name.length > MAX_NAME_LENGTH) {
      this.#refusePublish({ code: 'invalid_request', message: 'The stream key is too long.' }, false)
      return
    }
    const { streamId, key } = parsePublishTarget(name, this.#connectKey)
    if (streamId !== null && !isStreamId(streamId)) {
      this.#refusePublish({ code: 'stream_not_found', message: `There is no stream "${clip(streamId)}".` }, false)
      return
    }
    const admission = this.#host.authorise(streamId, key)
    if (!admission.ok) {
      this.#refusePublish(admission.fault, true)
      return
    }
    this.#reader.allowMedia()
    this.#state = 'opening'
    this.#publishedName = admission.streamId
    this.#host.open(admission.streamId)
  }

  #refusePublish(fault: InputFault, reported: boolean): void {
    this.#sendStatus('error', refusalCode(fault), fault.message)
    this.#close(fault, reported)
  }

  #refusePlay(messageStreamId: number): void {
    const message = 'Playback is by HLS, not by RTMP: open /stream/<id>/playlist.m3u8 or /watch/<id> on the media port.'
    this.#sendStatusOn(messageStreamId, 'error', 'NetStream.Play.Failed', message)
    this.#close({ code: 'invalid_request', message }, false)
  }

  #unpublish(): void {
    if (!this.#takesMedia) return
    this.#state = 'connected'
    this.#host.unpublish()
    this.#sendStatus('status', 'NetStream.Unpublish.Success', `${this.#publishedName} is no longer published.`)
  }

  #close(fault: InputFault, reported: boolean): void {
    this.#state = 'closed'
    this.#host.close(fault, reported)
  }

  #respond(transaction: number, result: AmfValue): void {
    // Transaction 0 asks for no answer (section 7.2.1).
    if (transaction !== 0) this.#sendCommand(COMMAND_CHUNK_STREAM, 0, ['_result', transaction, null, result])
  }

  #respondError(transaction: number, code: string, description: string): void {
    if (transaction === 0) return
    const information = amfObject({ level: 'error', code, description })
    this.#sendCommand(COMMAND_CHUNK_STREAM, 0, ['_error', transaction, null, information])
  }

  #sendStatus(level: 'status' | 'error', code: string, description: string): void {
    this.#sendStatusOn(this.#publishStreamId, level, code, description)
  }

  #sendStatusOn(messageStreamId: number, level: 'status' | 'error', code: string, description: string): void {
    const information = amfObject({ level, code, description })
    this.#sendCommand(STATUS_CHUNK_STREAM, messageStreamId, ['onStatus', 0, null, information])
  }

  #sendCommand(chunkStreamId: number, messageStreamId: number, values: readonly AmfValue[]): void {
    this.#send(chunkStreamId, MESSAGE.command, messageStreamId, encodeAmf0(values))
  }

  #sendControl(type: number, value: number): void {
    const body = new Uint8Array(4)
    writeUint32(body, 0, value)
    this.#send(CONTROL_CHUNK_STREAM, type, 0, body)
  }

  #sendUserControl(event: number, value: number): void {
    const body = new Uint8Array(6)
    body[1] = event
    writeUint32(body, 2, value)
    this.#send(CONTROL_CHUNK_STREAM, MESSAGE.userControl, 0, body)
  }

  #send(chunkStreamId: number, type: number, streamId: number, body: Uint8Array): void {
    this.#host.send(this.#writer.write(chunkStreamId, { type, timestampMs: 0, streamId, body }))
  }
}

/**
 * librtmp (OBS) gives up at once on Denied and Rejected; BadName, the code of the specification for a name in use, it
 * recognises by the close that follows. ffmpeg prints the description of any of them.
 */
function refusalCode(fault: InputFault): string {
  switch (fault.code) {
    case 'stream_busy':
      return 'NetStream.Publish.BadName'
    case 'publish_key_wrong':
    case 'stream_not_found':
      return 'NetStream.Publish.Denied'
    default:
      return 'NetStream.Publish.Rejected'
  }
}

/** Support is stated only to clients that state theirs, so that old ones see what they always saw. */
function enhancedProperties(connect: ReadonlyMap<string, AmfValue>): Readonly<Record<string, AmfValue>> {
  const properties: Record<string, AmfValue> = {}
  if (connect.has('fourCcList')) properties['fourCcList'] = [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS]
  if (connect.has('videoFourCcInfoMap')) properties['videoFourCcInfoMap'] = forwardable(VIDEO_FOUR_CCS)
  if (connect.has('audioFourCcInfoMap')) properties['audioFourCcInfoMap'] = forwardable(AUDIO_FOUR_CCS)
  // Neither reconnect requests nor several tracks in one message.
  if (connect.has('capsEx')) properties['capsEx'] = 0
  return properties
}

function forwardable(fourCcs: readonly string[]): AmfValue {
  return new Map(fourCcs.map((fourCc) => [fourCc, CAN_FORWARD]))
}

function text(value: AmfValue): string {
  return typeof value === 'string' ? value : ''
}

/** For messages: what a stranger sent, short and printable. */
function clip(value: string): string {
  return value.slice(0, 64).replace(/[^\x20-\x7e]/g, '?')
}
