import { MirrorError } from '../../../core/errors.ts'
import { renderSocketAddress, SOCKADDR_MAX_BYTES, socketPort } from './socket-address.ts'

/** Names under which distributions ship libsrt; the ABI is the same from 1.4 on as far as it is used here. */
const LIBRARY_NAMES = [
  'libsrt-gnutls.so.1.5',
  'libsrt-openssl.so.1.5',
  'libsrt.so.1.5',
  'libsrt-gnutls.so.1.4',
  'libsrt-openssl.so.1.4',
  'libsrt.so.1.4',
  'libsrt.so.1',
  'libsrt.so',
] as const

/** Socket options of srt.h that are set or read here. */
export const SRTO = {
  RCVSYN: 2,
  FC: 4,
  RCVBUF: 6,
  UDP_RCVBUF: 9,
  MAXBW: 16,
  PASSPHRASE: 26,
  LOSSMAXTTL: 42,
  RCVLATENCY: 43,
  PAYLOADSIZE: 49,
  TRANSTYPE: 50,
  IPV6ONLY: 54,
  PEERIDLETIMEO: 55,
} as const
export const SRTT_LIVE = 0

const SRT_EPOLL_IN = 0x1
const SRT_EPOLL_ERR = 0x8
const SRT_ERROR = -1
const SRT_EASYNCRCV = 6002
const EADDRINUSE = 98
const LOG_LEVEL_CRITICAL = 2
const EPOLL_EVENT_BYTES = 8
/** Larger than CBytePerfMon of any 1.x release (508 bytes in 1.5); later releases append fields. */
const STATS_BYTES = 2048
const STATS_CLEAR_INTERVAL = 1

/**
 * The head of struct CBytePerfMon (srt.h of 1.4 and 1.5: the order never changes, fields are only appended), up to the
 * last field of interest. koffi computes the offsets by the C rules of alignment.
 */
const STATS_FIELDS = [
  'int64 msTimeStamp',
  'int64 pktSentTotal',
  'int64 pktRecvTotal',
  'int pktSndLossTotal',
  'int pktRcvLossTotal',
  'int pktRetransTotal',
  'int pktSentACKTotal',
  'int pktRecvACKTotal',
  'int pktSentNAKTotal',
  'int pktRecvNAKTotal',
  'int64 usSndDurationTotal',
  'int pktSndDropTotal',
  'int pktRcvDropTotal',
  'int pktRcvUndecryptTotal',
  'uint64 byteSentTotal',
  'uint64 byteRecvTotal',
  'uint64 byteRcvLossTotal',
  'uint64 byteRetransTotal',
  'uint64 byteSndDropTotal',
  'uint64 byteRcvDropTotal',
  'uint64 byteRcvUndecryptTotal',
  'int64 pktSent',
  'int64 pktRecv',
  'int pktSndLoss',
  'int pktRcvLoss',
  'int pktRetrans',
  'int pktRcvRetrans',
  'int pktSentACK',
  'int pktRecvACK',
  'int pktSentNAK',
  'int pktRecvNAK',
  'double mbpsSendRate',
  'double mbpsRecvRate',
  'int64 usSndDuration',
  'int pktReorderDistance',
  'double pktRcvAvgBelatedTime',
  'int64 pktRcvBelated',
  'int pktSndDrop',
  'int pktRcvDrop',
  'int pktRcvUndecrypt',
  'uint64 byteSent',
  'uint64 byteRecv',
  'uint64 byteRcvLoss',
  'uint64 byteRetrans',
  'uint64 byteSndDrop',
  'uint64 byteRcvDrop',
  'uint64 byteRcvUndecrypt',
  'double usPktSndPeriod',
  'int pktFlowWindow',
  'int pktCongestionWindow',
  'int pktFlightSize',
  'double msRTT',
] as const

export interface SrtStats {
  readonly rttMs: number
  /** Since the connection's start; most of them arrive later as retransmissions. */
  readonly packetsLostTotal: number
  /** Since the connection's start: no retransmission came in time. */
  readonly packetsDroppedTotal: number
  /** Retransmitted packets that arrived since the last call. */
  readonly packetsRetransmitted: number
}

export interface SrtReadiness {
  readonly socket: number
  /** The peer is gone; there may still be data to read. */
  readonly isBroken: boolean
}

/** Called on the JavaScript thread while libsrt's receiver thread waits for the answer. */
export type SrtListenHook = (socket: number, remoteAddress: string, streamId: string) => SrtHookAnswer
export type SrtHookAnswer = { readonly accept: true } | { readonly accept: false; readonly rejectReason: number }

/**
 * The part of libsrt that a listener needs. Nothing here waits, except `waitReady`, which runs on a thread of its own,
 * and `closeSlowly`.
 *
 * The listen hook runs on libsrt's receiver thread, and koffi hands it to the JavaScript thread. Therefore the
 * JavaScript thread must never sit in a call that needs that receiver thread or the listener's lock: closing the
 * listener is such a call, closing a connection may be one.
 */
export interface LibSrt {
  readonly library: string
  createSocket(): number
  /** Null when the socket has just ended. */
  getInt(socket: number, option: number): number | null
  setInt(socket: number, option: number, value: number): void
  setInt64(socket: number, option: number, value: number): void
  setText(socket: number, option: number, value: string): void
  /** Throws `port_taken` when another socket holds the port. */
  bind(socket: number, address: Uint8Array): void
  listen(socket: number, backlog: number, hook: SrtListenHook): void
  boundPort(socket: number): number
  /** Null when nothing waits. */
  accept(listener: number): { readonly socket: number; readonly remoteAddress: string } | null
  /** Bytes received, 0 when nothing is ready, or null when the connection is gone. `target` takes at least 1456 bytes. */
  receive(socket: number, target: Uint8Array): number | null
  stats(socket: number): SrtStats | null
  closeSlowly(socket: number): Promise<void>
  createPoll(): number
  /** Reports the socket's end, and what can be read or accepted when `wantsData`. A second call changes the first. */
  watch(poll: number, socket: number, wantsData: boolean): void
  unwatch(poll: number, socket: number): void
  waitReady(poll: number, timeoutMs: number): Promise<readonly SrtReadiness[]>
}

/** Loads libsrt. Throws `srt_library_missing`, which names what was tried. */
export async function loadLibSrt(): Promise<LibSrt> {
  const koffi = await import('koffi').catch((cause: unknown) => {
    throw new MirrorError('srt_library_missing', 'SRT needs the optional package koffi, which is not installed', {
      cause,
    })
  })
  let cause: unknown
  for (const name of LIBRARY_NAMES) {
    try {
      return bindLibrary(koffi, koffi.load(name), name)
    } catch (error) {
      cause = error // Not under this name, or too old to have all the functions.
    }
  }
  throw new MirrorError('srt_library_missing', `libsrt was not found under any of ${LIBRARY_NAMES.join(', ')}`, {
    cause,
  })
}

type Koffi = typeof import('koffi')
type Library = ReturnType<Koffi['load']>

function bindLibrary(koffi: Koffi, library: Library, name: string): LibSrt {
  // int hook(void *opaque, SRTSOCKET caller, int handshakeVersion, const struct sockaddr *peer, const char *streamId)
  const hookType = koffi.proto('int', ['void *', 'int', 'int', 'void *', 'const char *'])
  const srt = {
    startup: library.func('int srt_startup()'),
    setLogLevel: library.func('void srt_setloglevel(int level)'),
    createSocket: library.func('int srt_create_socket()'),
    setFlag: library.func('int srt_setsockflag(int socket, int option, const void *value, int size)'),
    getFlag: library.func('int srt_getsockflag(int socket, int option, void *value, _Inout_ int *size)'),
    bind: library.func('int srt_bind(int socket, const void *name, int size)'),
    listen: library.func('int srt_listen(int socket, int backlog)'),
    listenCallback: library.func('srt_listen_callback', 'int', ['int', koffi.pointer(hookType), 'void *']),
    setRejectReason: library.func('int srt_setrejectreason(int socket, int value)'),
    socketName: library.func('int srt_getsockname(int socket, void *name, _Inout_ int *size)'),
    accept: library.func('int srt_accept(int socket, void *name, _Inout_ int *size)'),
    receive: library.func('int srt_recvmsg(int socket, void *buffer, int size)'),
    stats: library.func('int srt_bstats(int socket, void *stats, int clear)'),
    close: library.func('int srt_close(int socket)'),
    lastError: library.func('int srt_getlasterror(_Out_ int *systemError)'),
    lastErrorText: library.func('const char *srt_getlasterror_str()'),
    epollCreate: library.func('int srt_epoll_create()'),
    epollAdd: library.func('int srt_epoll_add_usock(int poll, int socket, const int *events)'),
    epollRemove: library.func('int srt_epoll_remove_usock(int poll, int socket)'),
    epollWait: library.func('int srt_epoll_uwait(int poll, void *events, int size, int64_t timeoutMs)'),
  }
  const fields = Object.fromEntries(STATS_FIELDS.map((field) => field.split(' ').reverse() as [string, string]))
  const statsType = koffi.struct(fields)
  const offsetOf = (field: string): number => koffi.offsetof(statsType, field)
  const offsets = {
    rtt: offsetOf('msRTT'),
    lostTotal: offsetOf('pktRcvLossTotal'),
    droppedTotal: offsetOf('pktRcvDropTotal'),
    retransmitted: offsetOf('pktRcvRetrans'),
  }
  const statsBytes = new Uint8Array(STATS_BYTES)
  const statsView = new DataView(statsBytes.buffer)
  const nameBytes = new Uint8Array(SOCKADDR_MAX_BYTES)
  // Memory that libsrt writes from another thread must not be managed by V8.
  const maxEvents = 256
  const eventsMemory: unknown = koffi.alloc('char', maxEvents * EPOLL_EVENT_BYTES)
  const events = new DataView(koffi.view(eventsMemory, maxEvents * EPOLL_EVENT_BYTES))

  srt.startup()
  // Its warnings repeat what callers do wrong, which is reported with names elsewhere.
  srt.setLogLevel(LOG_LEVEL_CRITICAL)

  function check(result: number, doing: string): number {
    if (result === SRT_ERROR) throw new MirrorError('internal', `libsrt failed to ${doing}: ${srt.lastErrorText()}`)
    return result
  }

  function setFlag(socket: number, option: number, value: Uint8Array): void {
    check(srt.setFlag(socket, option, value, value.length), `set option ${option}`)
  }

  return {
    library: name,
    createSocket: () => check(srt.createSocket(), 'create a socket'),
    getInt(socket, option) {
      const value = new Int32Array(1)
      const result: number = srt.getFlag(socket, option, value, [value.byteLength])
      return result === SRT_ERROR ? null : (value[0] ?? null)
    },
    setInt: (socket, option, value) => setFlag(socket, option, new Uint8Array(Int32Array.of(value).buffer)),
    setInt64: (socket, option, value) =>
      setFlag(socket, option, new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)),
    setText: (socket, option, value) => setFlag(socket, option, new TextEncoder().encode(value)),

    bind(socket, address) {
      if (srt.bind(socket, address, address.length) !== SRT_ERROR) return
      const text = String(srt.lastErrorText())
      const systemError: number[] = [0]
      srt.lastError(systemError)
      const where = renderSocketAddress(address)
      if (systemError[0] === EADDRINUSE) throw new MirrorError('port_taken', `UDP port ${where} is in use`)
      throw new MirrorError('internal', `libsrt cannot listen on ${where}: ${text}`)
    },

    listen(socket, backlog, hook) {
      const callback = (_opaque: unknown, caller: number, _version: number, peer: unknown, streamId: string | null) => {
        // An exception must not reach koffi: it would answer 0, which accepts the caller.
        try {
          const address = new Uint8Array(koffi.view(peer, SOCKADDR_MAX_BYTES).slice(0))
          const answer = hook(caller, renderSocketAddress(address), streamId ?? '')
          if (answer.accept) return 0
          srt.setRejectReason(caller, answer.rejectReason)
        } catch {}
        return SRT_ERROR
      }
      const registered = koffi.register(callback, koffi.pointer(hookType))
      check(srt.listenCallback(socket, registered, null), 'install the listen hook')
      check(srt.listen(socket, backlog), 'listen')
    },

    boundPort(socket) {
      check(srt.socketName(socket, nameBytes, [nameBytes.length]), 'read the bound port')
      return socketPort(nameBytes)
    },

    accept(listener) {
      const socket: number = srt.accept(listener, nameBytes, [nameBytes.length])
      return socket === SRT_ERROR ? null : { socket, remoteAddress: renderSocketAddress(nameBytes) }
    },

    receive(socket, target) {
      const received: number = srt.receive(socket, target, target.length)
      if (received !== SRT_ERROR) return received
      return srt.lastError([0]) === SRT_EASYNCRCV ? 0 : null
    },

    stats(socket) {
      if (srt.stats(socket, statsBytes, STATS_CLEAR_INTERVAL) === SRT_ERROR) return null
      return {
        rttMs: statsView.getFloat64(offsets.rtt, true),
        packetsLostTotal: statsView.getInt32(offsets.lostTotal, true),
        packetsDroppedTotal: statsView.getInt32(offsets.droppedTotal, true),
        packetsRetransmitted: statsView.getInt32(offsets.retransmitted, true),
      }
    },

    closeSlowly: (socket) =>
      new Promise((resolve) => {
        srt.close.async(socket, () => resolve())
      }),

    createPoll: () => check(srt.epollCreate(), 'create a poll'),

    // Fails only when the socket has just ended, which `receive` tells as well.
    watch(poll, socket, wantsData) {
      srt.epollAdd(poll, socket, Int32Array.of(wantsData ? SRT_EPOLL_IN | SRT_EPOLL_ERR : SRT_EPOLL_ERR))
    },

    unwatch(poll, socket) {
      srt.epollRemove(poll, socket)
    },

    waitReady: (poll, timeoutMs) =>
      new Promise((resolve) => {
        srt.epollWait.async(poll, eventsMemory, maxEvents, timeoutMs, (_error: unknown, count: number) => {
          const ready = Math.min(count ?? 0, maxEvents)
          resolve(Array.from({ length: Math.max(0, ready) }, (_, index) => readEvent(events, index)))
        })
      }),
  }
}

function readEvent(events: DataView, index: number): SrtReadiness {
  const flags = events.getInt32(index * EPOLL_EVENT_BYTES + 4, true)
  return {
    socket: events.getInt32(index * EPOLL_EVENT_BYTES, true),
    isBroken: (flags & SRT_EPOLL_ERR) !== 0,
  }
}
