// Process of the load generator: many players, one thread.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { answerParent } from './child-module.ts'
import { play, SharedReader } from './player.ts'
import { Tally, type TallyFigures } from './tally.ts'

export interface ViewersStart {
  readonly host: string
  readonly port: number
  readonly viewers: number
  /** Time over which they join. */
  readonly rampMs: number
  readonly streams: readonly { readonly id: string; readonly delayMs: number | null }[]
}

export interface ViewersFigures extends TallyFigures {
  /** How late this process's own event loop was: its figures cannot be better than this. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number }
}

/** Every 5 ms the loop is looked at; what is recorded includes these. */
const LOOP_RESOLUTION_MS = 5

const stop = new AbortController()
const tally = new Tally()
const reader = new SharedReader()
const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
let playing: Promise<unknown> = Promise.resolve()

answerParent({ start, measure, result, stop: end })

async function start(options: ViewersStart): Promise<void> {
  const { streams, viewers, rampMs, host, port } = options
  const onBytes = (bytes: number) => {
    tally.receivedBytes += bytes
  }
  const played: Promise<void>[] = []
  for (let index = 0; index < viewers; index++) {
    const stream = streams[index % streams.length]
    if (stream === undefined) break
    played.push(
      play({
        target: { host, port, onBytes },
        streamId: stream.id,
        delayMs: stream.delayMs,
        name: `mirror-bench/${index}`,
        tally,
        reader,
        signal: stop.signal,
      }),
    )
    await delay(rampMs / viewers)
  }
  playing = Promise.all(played)
}

function measure(): void {
  tally.reset()
  loop.enable()
  loop.reset()
}

function result(): ViewersFigures {
  const late = (ns: number) => Math.max(0, ns / 1e6 - LOOP_RESOLUTION_MS)
  return {
    ...tally.figures(),
    loopDelayMs: { p50: late(loop.percentile(50)), p99: late(loop.percentile(99)) },
  }
}

async function end(): Promise<void> {
  stop.abort()
  await playing
}
