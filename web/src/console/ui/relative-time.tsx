import { useSyncExternalStore } from 'react'
import { formatAbsolute, formatAgo } from '../format/moment.ts'

/** One clock for all relative times on the page, instead of a timer each. */
const listeners = new Set<() => void>()
let nowMs = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    nowMs = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The time now, renewed each second while anybody looks. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs)
}

export function RelativeTime({ at }: { readonly at: string }) {
  const now = useNow()
  const atMs = Date.parse(at)
  return (
    <time dateTime={at} title={formatAbsolute(atMs)} className="whitespace-nowrap">
      {formatAgo(atMs, now)}
    </time>
  )
}
