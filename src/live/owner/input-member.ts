// One input of a stream as its owner keeps it: the publisher, how its media comes, and what is kept while it stands by.
import type { InputSample } from '../../media/samples.ts'
import type { ConnectedInputStatus } from '../control.ts'
import { type InputOpen, returnsByItself } from '../ingest/protocol.ts'
import { ArrivalPace } from './arrival-pace.ts'
import { FeedPrints } from './feed-prints.ts'
import { type InputCandidate, isHealthy } from './input-choice.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import { RateMeter } from './rates.ts'
import type { MemoryBudget } from './slab-pool.ts'
import { StandbyBuffer } from './standby-buffer.ts'

/** An input that has sent nothing for this long does not keep out the next one: it is often the same encoder, come back. */
const HOLD_SILENT_MS = 2000

export interface InputMemberOptions extends PublisherOptions {
  readonly id: string
  readonly budget: MemoryBudget
  readonly nowMs: number
}

export class InputMember {
  /** `push-1`, …, or the id of a configured input. */
  readonly id: string
  readonly publisher: Publisher
  /** When it came here: an input that a dead owner had may have been connected for days. */
  readonly openedAtMs: number
  /** An encoder that connected by itself; else Mirror runs it, and it comes back whenever it can. */
  readonly isPushed: boolean
  readonly standby: StandbyBuffer
  readonly prints = new FeedPrints()
  /** Not connected for the moment: a CMAF encoder that sends one request per fragment. */
  mayReturn = false
  readonly #pace = new ArrivalPace()
  readonly #bits = new RateMeter()
  /** When its bytes last came. */
  #heardAtMs: number

  constructor(first: InputOpen, options: InputMemberOptions) {
    this.id = options.id
    this.publisher = new Publisher(first, options)
    this.publisher.add(first)
    this.openedAtMs = options.nowMs
    this.#heardAtMs = options.nowMs
    this.isPushed = !returnsByItself(first.protocol)
    this.standby = new StandbyBuffer(options.budget)
  }

  /** Connected and heard: no other may take its place unasked. */
  isHeld(nowMs: number): boolean {
    return this.publisher.isConnected && nowMs - this.#heardAtMs < HOLD_SILENT_MS
  }

  noteBytes(bytes: number, nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#bits.add(bytes * 8, nowMs)
  }

  noteSample(nowMs: number, silenceMs: number): void {
    this.#pace.note(nowMs, silenceMs)
  }

  add(input: InputOpen): void {
    this.mayReturn = false
    this.publisher.add(input)
  }

  /** When it last brought media, or connected if it has brought none. */
  get lastMediaAtMs(): number {
    return this.#pace.lastAtMs ?? this.openedAtMs
  }

  get hasBroughtMedia(): boolean {
    return this.#pace.lastAtMs !== null
  }

  /** Whether viewers can begin with this sample. */
  leads({ trackId, isKeyframe }: InputSample): boolean {
    const video = this.publisher.tracks.filter(({ config }) => config.kind === 'video').map(({ id }) => id)
    return video.length === 0 ? trackId === 'a0' : isKeyframe && trackId === video.toSorted()[0]
  }

  candidate(rank: number, isActive: boolean, nowMs: number, silenceMs: number): InputCandidate {
    return {
      id: this.id,
      rank,
      isConnected: this.publisher.isConnected || this.mayReturn,
      isReady: isActive || this.standby.isReady,
      lastMediaAtMs: this.lastMediaAtMs,
      healthySinceMs: this.#pace.healthySinceMs(nowMs, silenceMs),
      silenceMs: this.#pace.limitMs(silenceMs),
    }
  }

  status(candidate: InputCandidate, active: InputMember | null, nowMs: number): Omit<ConnectedInputStatus, 'isPinned'> {
    const isActive = active === this
    const health = isHealthy(candidate, nowMs) ? 'healthy' : this.hasBroughtMedia ? 'silent' : 'starting'
    return {
      ...this.publisher.status(),
      id: this.id,
      isConfigured: !this.isPushed,
      role: isActive ? 'active' : 'standby',
      health,
      healthySinceMs: candidate.healthySinceMs,
      bitrateBps: this.#bits.perSec(nowMs),
      isSameFeed: isActive || active === null ? null : this.prints.isSameFeedAs(active.prints),
    }
  }
}
