// Times: relative in text, absolute on hover.
import { plural } from './quantity.ts'

export function formatAgo(atMs: number, nowMs: number): string {
  const sec = Math.round((nowMs - atMs) / 1000)
  if (sec < 3) return 'just now'
  if (sec < 60) return `${sec} s ago`
  if (sec < 3600) return `${Math.floor(sec / 60)} min ago`
  if (sec < 86_400) return `${Math.floor(sec / 3600)} h ago`
  const days = Math.floor(sec / 86_400)
  return days === 1 ? 'yesterday' : `${days} days ago`
}

/** A running time: 0:42, 12:05, 3:07:09, 2 d 4 h. */
export function formatElapsed(durationMs: number): string {
  const sec = Math.max(0, Math.floor(durationMs / 1000))
  const days = Math.floor(sec / 86_400)
  const hours = Math.floor((sec % 86_400) / 3600)
  if (days > 0) return `${days} d ${hours} h`
  const minutes = Math.floor((sec % 3600) / 60)
  const rest = String(sec % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

export function formatAbsolute(atMs: number): string {
  return new Date(atMs).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium',
  })
}

/** Wall-clock time to the second, as on the timeline. */
export function formatClock(atMs: number): string {
  return new Date(atMs).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  })
}

/** To the minute: marks of a longer timeline. */
export function formatClockShort(atMs: number): string {
  return new Date(atMs).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false })
}

/** Groups events by calendar day. */
export function formatDay(atMs: number, nowMs: number): string {
  const day = new Date(atMs).toDateString()
  if (day === new Date(nowMs).toDateString()) return 'Today'
  if (day === new Date(nowMs - 86_400_000).toDateString()) return 'Yesterday'
  return new Date(atMs).toLocaleDateString(undefined, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  })
}

/** Of what is to come: "in 3 days". */
export function formatUntil(atMs: number, nowMs: number): string {
  const sec = Math.round((atMs - nowMs) / 1000)
  if (sec <= 0) return 'any moment'
  if (sec < 60) return `in ${sec} s`
  if (sec < 3600) return `in ${Math.round(sec / 60)} min`
  if (sec < 86_400) return `in ${Math.round(sec / 3600)} h`
  const days = Math.round(sec / 86_400)
  return days === 1 ? 'tomorrow' : `in ${days} days`
}

export function formatDate(atMs: number): string {
  return new Date(atMs).toLocaleDateString(undefined, { dateStyle: 'medium' })
}

/** How long something is kept: 30 days, 12 hours, 90 s. */
export function formatPeriod(sec: number): string {
  if (sec >= 86_400) return plural(Math.round(sec / 86_400), 'day', 'days')
  return sec >= 3600 ? plural(Math.round(sec / 3600), 'hour', 'hours') : `${Math.round(sec)} s`
}

/** A length of sound or film: 0:07, 12:05, 1:02:03. */
export function formatLength(sec: number): string {
  const whole = Math.max(0, Math.floor(sec))
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}
