// What `npm run bench` may be told.
import { parseArgs } from 'node:util'

export type BenchProtocol = 'cmaf' | 'rtmp' | 'srt'

export interface BenchOptions {
  readonly streams: number
  /** Video bit rate of each stream in Mbit/s. */
  readonly mbit: number
  /** Players, spread evenly over the streams. */
  readonly viewers: number
  /** Length of the measured delivery phase; the others are derived from it. */
  readonly seconds: number
  readonly protocol: BenchProtocol
  readonly isJson: boolean
  /** Folder for CPU profiles of Mirror's threads; null: no profiling. */
  readonly profileDir: string | null
}

export const USAGE = `npm run bench -- [options]

  --streams N       live streams (default 2)
  --mbit M          video Mbit/s of each stream (default 8)
  --viewers V       LL-HLS players, spread over the streams (default 50)
  --seconds S       length of the measured phase, 3 to 600 (default 10)
  --protocol P      cmaf, rtmp or srt (default cmaf)
  --json            one JSON object on standard output instead of a table
  --profile FOLDER  write a CPU profile of each of Mirror's threads (this costs speed)
  --help            this text
`

/** Null: help was asked for. Throws with a sentence for people. */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      streams: { type: 'string', default: '2' },
      mbit: { type: 'string', default: '8' },
      viewers: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '10' },
      protocol: { type: 'string', default: 'cmaf' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { protocol } = values
  if (protocol !== 'cmaf' && protocol !== 'rtmp' && protocol !== 'srt') {
    throw new Error(`--protocol must be cmaf, rtmp or srt, not ${protocol}`)
  }
  return {
    streams: between('streams', values.streams, 1, 200, true),
    mbit: between('mbit', values.mbit, 0.2, 100, false),
    viewers: between('viewers', values.viewers, 1, 10_000, true),
    seconds: between('seconds', values.seconds, 3, 600, true),
    protocol,
    isJson: values.json,
    profileDir: values.profile ?? null,
  }
}

function between(name: string, text: string, min: number, max: number, isInteger: boolean): number {
  const value = Number(text)
  if (text === '' || !(value >= min && value <= max) || (isInteger && !Number.isInteger(value))) {
    throw new Error(`--${name} must be ${isInteger ? 'an integer' : 'a number'} from ${min} to ${max}, not ${text}`)
  }
  return value
}
