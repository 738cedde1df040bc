// Small pictures of a video on one large one, and the WebVTT that says which stands where. Pure.
import { type Rational, toNumber } from '../../core/rational.ts'
import type { Size } from './describe-media.ts'

export interface Storyboard {
  /** Of each small picture. */
  readonly tile: Size
  readonly columns: number
  readonly rows: number
  readonly tiles: number
  /** From one to the next; a multiple of what lies between two keyframes. */
  readonly everySec: number
  readonly everyKeyframes: number
}

const TILE_SIDE = 160
const COLUMNS = 10
const MAX_TILES = 100

/** `gop`: seconds from keyframe to keyframe. */
export function planStoryboard(size: Size, durationSec: number, gop: Rational): Storyboard {
  const keyframes = Math.max(1, Math.ceil(durationSec / toNumber(gop) - 1e-6))
  const everyKeyframes = Math.ceil(keyframes / MAX_TILES)
  const tiles = Math.ceil(keyframes / everyKeyframes)
  const columns = Math.min(COLUMNS, tiles)
  const scale = Math.min(1, TILE_SIDE / Math.max(size.width, size.height))
  const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2))
  const tile = { width: even(size.width), height: even(size.height) }
  const everySec = everyKeyframes * toNumber(gop)
  return { tile, columns, rows: Math.ceil(tiles / columns), tiles, everySec, everyKeyframes }
}

/** The filter that draws it, of keyframes alone. */
export function storyboardFilter({ tile, columns, rows, everyKeyframes }: Storyboard): string {
  return `select='not(mod(n,${everyKeyframes}))',scale=${tile.width}:${tile.height},tile=${columns}x${rows}`
}

/** A cue for each; `#xywh` as in W3C Media Fragments 4.2.2. `image`: its address as seen from where the text lies. */
export function writeStoryboard(board: Storyboard, durationSec: number, image: string): string {
  const cues = Array.from({ length: board.tiles }, (_, index) => {
    const { width, height } = board.tile
    const [x, y] = [(index % board.columns) * width, Math.floor(index / board.columns) * height]
    const untilSec = index === board.tiles - 1 ? durationSec : (index + 1) * board.everySec
    const times = `${timestamp(index * board.everySec)} --> ${timestamp(untilSec)}`
    return `${times}\n${image}#xywh=${x},${y},${width},${height}\n`
  })
  return ['WEBVTT\n', ...cues].join('\n')
}

function timestamp(sec: number): string {
  const ms = Math.round(sec * 1000)
  const pad = (value: number, digits: number) => String(Math.floor(value)).padStart(digits, '0')
  return `${pad(ms / 3_600_000, 2)}:${pad((ms / 60_000) % 60, 2)}:${pad((ms / 1000) % 60, 2)}.${pad(ms % 1000, 3)}`
}
