// A video at a glance: pictures of its storyboard, each leading to its moment.
import { useQuery } from '@tanstack/react-query'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatLength } from '../format/moment.ts'
import { textQuery } from './asset-queries.ts'
import { type Frame, parseStoryboard, pickFrames } from './storyboard.ts'

const FRAMES = 8

export function Filmstrip({ asset, onSeek }: { readonly asset: AssetView; readonly onSeek: (sec: number) => void }) {
  const times = asset.renditions.find(({ name }) => name === 'storyboard')
  const image = asset.renditions.find(({ name }) => name === 'storyboard-image')
  const { data } = useQuery({ ...textQuery(times?.path ?? ''), enabled: times !== undefined })
  if (times === undefined || image === undefined || image.width === null || image.height === null) return null
  const sheet = { path: image.path, width: image.width, height: image.height }
  // The place is kept while it comes.
  const frames = data === undefined ? [] : pickFrames(parseStoryboard(data), FRAMES)
  return (
    <ul aria-label="Storyboard" className="mt-2 grid h-12 grid-flow-col gap-1 overflow-hidden rounded-md">
      {frames.map((frame) => (
        <li key={frame.atSec} className="min-w-0">
          <FrameButton frame={frame} sheet={sheet} onSeek={onSeek} />
        </li>
      ))}
    </ul>
  )
}

interface Sheet {
  readonly path: string
  readonly width: number
  readonly height: number
}

function FrameButton({
  frame,
  sheet,
  onSeek,
}: {
  readonly frame: Frame
  readonly sheet: Sheet
  readonly onSeek: (sec: number) => void
}) {
  const { atSec, x, y, width, height } = frame
  return (
    <button
      type="button"
      onClick={() => onSeek(atSec)}
      title={formatLength(atSec)}
      aria-label={`Go to ${formatLength(atSec)}`}
      className="group/frame relative block size-full overflow-hidden bg-sunken -outline-offset-2"
    >
      <span
        aria-hidden
        className="absolute top-1/2 left-1/2 -translate-1/2 bg-no-repeat group-hover/frame:brightness-110"
        style={{
          width,
          height,
          backgroundImage: `url("${sheet.path}")`,
          backgroundPosition: `-${x}px -${y}px`,
          backgroundSize: `${sheet.width}px ${sheet.height}px`,
        }}
      />
      <span className="tnum absolute right-0.5 bottom-0.5 rounded bg-black/70 px-1 text-white text-xs opacity-0 group-hover/frame:opacity-100 group-focus-visible/frame:opacity-100">
        {formatLength(atSec)}
      </span>
    </button>
  )
}
