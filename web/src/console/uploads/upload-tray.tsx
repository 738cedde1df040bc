// What is being uploaded, in a corner of every page.
import { Link } from '@tanstack/react-router'
import { Check, ChevronDown, ChevronUp, CircleAlert, Clock, Pause, Play, RotateCw, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { formatBytes } from '../format/quantity.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Progress } from '../ui/progress.tsx'
import { Spinner } from '../ui/spinner.tsx'
import { Interrupted } from './interrupted.tsx'
import { isUnfinished, totalsOf, type UploadItem } from './upload-item.ts'
import { type Reading, restWords, speedOf, stateWords, summaryWords } from './upload-words.ts'
import { useUploadItems, useUploads } from './uploads-context.tsx'

/** Of a long queue nobody reads more. */
const SHOWN_MAX = 60
const READINGS_KEPT = 12
/** What people look for first comes first. */
const ORDER = { refused: 0, retrying: 1, sending: 2, storing: 3, paused: 4, waiting: 5, done: 6 } as const

export function UploadTray() {
  const { queue } = useUploads()
  const items = useUploadItems()
  // A phone has little room: there the head says all in a line.
  const [isOpen, setOpen] = useState(() => !matchMedia('(max-width: 47.99rem)').matches)
  if (items.length === 0) return <Interrupted />
  const totals = totalsOf(items)
  const canPause = items.some(({ state }) => state === 'sending' || state === 'waiting')
  const canResume = items.some(({ state }) => state === 'paused' || state === 'retrying')
  const shown = items.toSorted((a, b) => ORDER[a.state] - ORDER[b.state]).slice(0, SHOWN_MAX)
  return (
    <TrayFrame label="Uploads">
      <header className="flex items-center gap-2 py-1.5 pr-1.5 pl-4">
        <div className="min-w-0 flex-1">
          <p className="font-medium" aria-live="polite">
            {summaryWords(totals)}
          </p>
          <Pace items={items} />
        </div>
        {totals.unfinished === 0 ? (
          <Button kind="quiet" isSmall onClick={() => queue.clearFinished()}>
            Clear
          </Button>
        ) : canPause ? (
          <Button kind="quiet" isSmall onClick={() => queue.pauseAll()}>
            Pause all
          </Button>
        ) : (
          canResume && (
            <Button kind="quiet" isSmall onClick={() => queue.resumeAll()}>
              Resume all
            </Button>
          )
        )}
        <IconButton
          label={isOpen ? 'Fold the uploads' : 'Unfold the uploads'}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? <ChevronDown size={16} /> : <ChevronUp size={16} />}
        </IconButton>
      </header>
      {totals.unfinished > 0 && (
        <Progress label="All uploads" share={totals.sentBytes / Math.max(1, totals.totalBytes)} isThin />
      )}
      {isOpen && (
        <ul className="max-h-72 overflow-y-auto border-line border-t">
          {shown.map((item) => (
            <Row key={item.id} item={item} />
          ))}
          {items.length > shown.length && (
            <li className="px-4 py-2 text-soft text-xs">
              …and {(items.length - shown.length).toLocaleString('en')} more
            </li>
          )}
        </ul>
      )}
    </TrayFrame>
  )
}

/** Tells the toasts how much room it takes, so that neither hides the other. */
export function TrayFrame({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const ref = useRef<HTMLElement>(null)
  useEffect(() => {
    const tray = ref.current
    if (tray === null) return
    const root = document.documentElement.style
    const observer = new ResizeObserver(() => root.setProperty('--tray-height', `${tray.offsetHeight + 12}px`))
    observer.observe(tray)
    return () => {
      observer.disconnect()
      root.removeProperty('--tray-height')
    }
  }, [])
  return (
    <section
      ref={ref}
      aria-label={label}
      className="fixed right-4 bottom-4 z-30 w-96 max-w-[calc(100vw-2rem)] animate-appear overflow-hidden rounded-xl bg-surface shadow-pop max-md:bottom-18"
    >
      {children}
    </section>
  )
}

function Pace({ items }: { readonly items: readonly UploadItem[] }) {
  const { sentBytes, totalBytes, unfinished } = totalsOf(items)
  const readings = useRef<readonly Reading[]>([])
  const [words, setWords] = useState<string | null>(null)
  const latest = useRef(sentBytes)
  latest.current = sentBytes
  useEffect(() => {
    if (unfinished === 0) return setWords(null)
    const timer = setInterval(() => {
      readings.current = [...readings.current, { atMs: Date.now(), sentBytes: latest.current }].slice(-READINGS_KEPT)
      setWords(restWords(totalBytes - latest.current, speedOf(readings.current)))
    }, 1000)
    return () => clearInterval(timer)
  }, [totalBytes, unfinished])
  if (unfinished === 0) return null
  return (
    <p className="tnum truncate text-soft text-xs">
      {formatBytes(sentBytes)} of {formatBytes(totalBytes)}
      {words !== null && ` · ${words}`}
    </p>
  )
}

function Row({ item }: { readonly item: UploadItem }) {
  const { queue } = useUploads()
  const { id, file, folder, state, sentBytes, assetId, problem } = item
  const isBad = state === 'refused'
  return (
    <li className="group flex items-start gap-3 border-line border-b px-4 py-2 last:border-b-0" data-upload={state}>
      <span className="mt-0.5 shrink-0">
        <StateIcon state={state} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium" title={folder === '' ? file.name : `${folder}/${file.name}`}>
          {assetId === null ? (
            file.name
          ) : (
            <Link to="/library/$id" params={{ id: assetId }} className="hover:underline">
              {file.name}
            </Link>
          )}
        </p>
        <p className={`tnum text-xs ${isBad ? 'text-bad' : state === 'retrying' ? 'text-warn' : 'text-soft'}`}>
          {stateWords(item)}
        </p>
        {isBad && problem !== null && <p className="text-soft text-xs">{problem.advice}</p>}
        {(state === 'sending' || state === 'paused' || state === 'retrying') && (
          <div className="mt-1.5 mb-0.5">
            <Progress label={file.name} share={sentBytes / Math.max(1, file.size)} isStill={state !== 'sending'} />
          </div>
        )}
      </div>
      <div className="-mr-2 flex shrink-0">
        {(state === 'sending' || state === 'waiting') && (
          <IconButton label={`Pause ${file.name}`} onClick={() => queue.pause(id)}>
            <Pause size={14} />
          </IconButton>
        )}
        {state === 'paused' && (
          <IconButton label={`Resume ${file.name}`} onClick={() => queue.resume(id)}>
            <Play size={14} />
          </IconButton>
        )}
        {(state === 'refused' || state === 'retrying') && (
          <IconButton label={`Try ${file.name} again`} onClick={() => queue.resume(id)}>
            <RotateCw size={14} />
          </IconButton>
        )}
        {state !== 'storing' && (
          <IconButton
            label={isUnfinished(item) ? `Give ${file.name} up` : `Take ${file.name} off the list`}
            onClick={() => void queue.remove(id)}
          >
            <X size={14} />
          </IconButton>
        )}
      </div>
    </li>
  )
}

function StateIcon({ state }: Pick<UploadItem, 'state'>) {
  switch (state) {
    case 'done':
      return <Check size={15} className="text-ok" aria-label="Done" />
    case 'refused':
      return <CircleAlert size={15} className="text-bad" aria-label="Refused" />
    case 'waiting':
      return <Clock size={15} className="text-soft" aria-label="Waiting" />
    case 'paused':
      return <Pause size={15} className="text-soft" aria-label="Paused" />
    case 'retrying':
      return <RotateCw size={15} className="text-warn" aria-label="Trying again" />
    default:
      return (
        <span className="text-accent">
          <Spinner size={15} />
        </span>
      )
  }
}
