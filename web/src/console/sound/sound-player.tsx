// A sound as its waveform, one lane for each channel: click or drag to go somewhere, keys for everything.
import { Pause, Play } from 'lucide-react'
import { type KeyboardEvent, type PointerEvent, useMemo, useState } from 'react'
import type { WaveformView } from '../../../../src/api/recording-contract.ts'
import { formatLength } from '../format/moment.ts'
import { Skeleton } from '../ui/states.tsx'
import { type Sound, useSound } from './use-sound.ts'
import { columnsOf, gainOf, outlineOf, seekByKey } from './waveform.ts'

const RATES = [1, 1.25, 1.5, 2] as const
/** More could not be told apart on a wide screen. */
const COLUMNS = 480
/** Of more channels the first are shown: nobody tells six apart. */
const LANES_MAX = 2

export interface SoundPlayerProps {
  readonly src: string
  readonly label: string
  /** As the server measured it; the element itself may be asked only when it has loaded. */
  readonly durationSec: number | null
  /** Undefined: on its way; null: there is none. */
  readonly waveform: WaveformView | null | undefined
  /** Of the channels, from the top. */
  readonly lanes?: readonly string[]
}

export function SoundPlayer({ src, label, durationSec: said, waveform, lanes = [] }: SoundPlayerProps) {
  const sound = useSound()
  const [rate, setRate] = useState<number>(1)
  const durationSec = sound.durationSec ?? said ?? waveform?.durationSec ?? 0
  const onKey = (event: KeyboardEvent): void => {
    const isOnButton = event.target instanceof HTMLButtonElement
    const isSpace = event.key === ' ' && !isOnButton
    if ((!isSpace && event.key.toLowerCase() !== 'k') || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    sound.toggle()
  }
  const changeRate = (next: number): void => {
    setRate(next)
    sound.setRate(next)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: The keys are those of the controls inside; it is no control.
    <div onKeyDown={onKey} className="min-w-0">
      {/* biome-ignore lint/a11y/useMediaCaption: A recording of a call has no captions. */}
      <audio ref={sound.ref} src={src} preload="metadata" />
      <Timeline sound={sound} label={label} durationSec={durationSec} waveform={waveform} lanes={lanes} />
      <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2">
        <button
          type="button"
          aria-label={sound.isPlaying ? 'Pause' : 'Play'}
          onClick={sound.toggle}
          className="flex size-9 shrink-0 items-center justify-center rounded-full bg-accent text-on-accent hover:brightness-110"
        >
          {sound.isPlaying ? <Pause size={16} /> : <Play size={16} className="ml-0.5" />}
        </button>
        <span className="tnum text-soft">
          <span className="text-ink">{formatLength(sound.positionSec)}</span> / {formatLength(durationSec)}
        </span>
        <fieldset className="flex gap-0.5 rounded-lg bg-sunken p-0.5">
          <legend className="sr-only">Speed</legend>
          {RATES.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={rate === each}
              onClick={() => changeRate(each)}
              className="tnum h-7 rounded-md px-2 font-medium text-soft text-xs hover:text-ink aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card max-md:h-9 max-md:px-2.5"
            >
              {each}×
            </button>
          ))}
        </fieldset>
      </div>
      {sound.trouble !== null && (
        <p role="alert" className="mt-2 text-bad text-xs">
          {sound.trouble}
        </p>
      )}
    </div>
  )
}

function Timeline({
  sound,
  label,
  durationSec,
  waveform,
  lanes,
}: {
  readonly sound: Sound
  readonly label: string
  readonly durationSec: number
  readonly waveform: WaveformView | null | undefined
  readonly lanes: readonly string[]
}) {
  const [pointedShare, setPointed] = useState<number | null>(null)
  const shapes = useMemo(() => {
    if (waveform === null || waveform === undefined || waveform.length === 0) return []
    const gain = gainOf(waveform)
    return Array.from({ length: Math.min(LANES_MAX, waveform.channels) }, (_, channel) => {
      const columns = columnsOf(waveform, channel, COLUMNS)
      return { path: outlineOf(columns, gain), width: columns.length }
    })
  }, [waveform])
  const share = durationSec === 0 ? 0 : Math.min(1, sound.positionSec / durationSec)
  const shareAt = (event: PointerEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect()
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))
  }
  const onKey = (event: KeyboardEvent): void => {
    const to = seekByKey(event.key, event.shiftKey, sound.positionSec, durationSec)
    if (to === null) return
    event.preventDefault()
    sound.seek(to)
  }
  const height = shapes.length > 1 ? 'h-28' : 'h-20'
  if (waveform === undefined) return <Skeleton className="h-20" />
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.round(durationSec)}
      aria-valuenow={Math.round(sound.positionSec)}
      aria-valuetext={`${formatLength(sound.positionSec)} of ${formatLength(durationSec)}`}
      onKeyDown={onKey}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        sound.seek(shareAt(event) * durationSec)
      }}
      onPointerMove={(event) => {
        setPointed(shareAt(event))
        if (event.buttons === 1) sound.seek(shareAt(event) * durationSec)
      }}
      onPointerLeave={() => setPointed(null)}
      className={`relative ${height} cursor-pointer touch-none overflow-hidden rounded-md bg-sunken select-none`}
    >
      {shapes.length === 0 ? (
        <span className="absolute inset-x-0 top-1/2 h-1.5 -translate-y-1/2 bg-hover">
          <span className="block h-full bg-accent" style={{ width: `${share * 100}%` }} />
        </span>
      ) : (
        <div className="absolute inset-0 flex flex-col divide-y divide-line" aria-hidden>
          {shapes.map(({ path, width }, lane) => (
            <div key={lanes[lane] ?? lane} className="relative min-h-0 flex-1">
              <Shape path={path} width={width} className="text-edge/70" />
              {/* The same shape once more, cut off where it is played to: nothing is drawn anew while it plays. */}
              <div className="absolute inset-0" style={{ clipPath: `inset(0 ${(1 - share) * 100}% 0 0)` }}>
                <Shape path={path} width={width} className="text-accent" />
              </div>
              {lanes[lane] !== undefined && shapes.length > 1 && (
                <span className="absolute top-1 left-1.5 rounded bg-surface/80 px-1 text-soft text-xs">
                  {lanes[lane]}
                </span>
              )}
            </div>
          ))}
        </div>
      )}
      <span className="absolute inset-y-0 w-px bg-accent" style={{ left: `${share * 100}%` }} aria-hidden />
      {pointedShare !== null && durationSec > 0 && (
        <span
          aria-hidden
          className="pointer-events-none absolute inset-y-0 border-edge border-l border-dashed"
          style={{ left: `${pointedShare * 100}%` }}
        >
          <span
            className={`tnum absolute bottom-1 rounded bg-ink px-1 text-canvas text-xs ${pointedShare > 0.85 ? 'right-1' : 'left-1'}`}
          >
            {formatLength(pointedShare * durationSec)}
          </span>
        </span>
      )}
    </div>
  )
}

function Shape({
  path,
  width,
  className,
}: {
  readonly path: string
  readonly width: number
  readonly className: string
}) {
  return (
    <svg
      viewBox={`0 -1.08 ${width} 2.16`}
      preserveAspectRatio="none"
      aria-hidden
      className={`absolute inset-0 size-full ${className}`}
    >
      <path d={path} fill="currentColor" />
    </svg>
  )
}
