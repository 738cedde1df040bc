// What is recorded, as a picture of time.
import type { DvrView } from '../../../../src/api/dvr-contract.ts'
import { formatAbsolute, formatClockShort } from '../format/moment.ts'
import { plural } from '../format/quantity.ts'
import { pictureOf, type RecordedPicture, spanWords } from './dvr-words.ts'
import { shareOf, type TimeRange, ticksOf } from './timeline-scale.ts'

const GAPS_LISTED = 4

export function DvrPicture({ view }: { readonly view: DvrView }) {
  const picture = pictureOf(view)
  const summary = `${spanWords(view.durationSec)} recorded, ${plural(view.gaps.length, 'gap', 'gaps')}`
  return (
    <figure>
      <div role="img" aria-label={summary} className="relative h-9 overflow-hidden rounded-md bg-sunken">
        {picture.media.map((range) => (
          <Bar key={range.startMs} picture={picture} range={range} className="bg-accent/45" what="Recorded" />
        ))}
        {picture.gaps.map((range) => (
          <Bar key={range.startMs} picture={picture} range={range} className="gap-hatch bg-warn-wash" what="Gap" />
        ))}
      </div>
      <Ticks domain={picture} />
      <figcaption className="mt-2 text-soft text-xs">
        {summary}
        {view.gaps.length > 0 && <Gaps gaps={picture.gaps} />}
      </figcaption>
    </figure>
  )
}

function Bar(props: {
  readonly picture: RecordedPicture
  readonly range: TimeRange
  readonly className: string
  readonly what: string
}) {
  const { picture, range, className, what } = props
  const left = shareOf(picture, range.startMs)
  const width = shareOf(picture, range.endMs) - left
  if (width <= 0) return null
  return (
    <div
      title={`${what}: ${formatAbsolute(range.startMs)} – ${formatAbsolute(range.endMs)}`}
      className={`absolute inset-y-0 min-w-0.5 ${className}`}
      style={{ left: `${left * 100}%`, width: `${width * 100}%` }}
    />
  )
}

/** Round times below a timeline. */
export function Ticks({ domain }: { readonly domain: TimeRange }) {
  return (
    <div className="tnum relative mt-1 h-4 text-soft text-xs" aria-hidden>
      {ticksOf(domain, 4).map((atMs) => (
        <span
          key={atMs}
          className="absolute -translate-x-1/2 whitespace-nowrap"
          style={{ left: `${shareOf(domain, atMs) * 100}%` }}
        >
          {formatClockShort(atMs)}
        </span>
      ))}
      <span className="absolute right-0">now</span>
    </div>
  )
}

function Gaps({ gaps }: { readonly gaps: readonly TimeRange[] }) {
  const newest = gaps.toReversed().slice(0, GAPS_LISTED)
  return (
    <ul className="tnum mt-1 space-y-0.5">
      {newest.map(({ startMs, endMs }) => (
        <li key={startMs} className="flex items-center gap-2">
          <span className="gap-hatch inline-block h-2.5 w-4 shrink-0 rounded-sm bg-warn-wash" aria-hidden />
          {formatAbsolute(startMs)}, {spanWords((endMs - startMs) / 1000)} without media
        </li>
      ))}
      {gaps.length > newest.length && <li>and {plural(gaps.length - newest.length, 'earlier one', 'earlier ones')}</li>}
    </ul>
  )
}
