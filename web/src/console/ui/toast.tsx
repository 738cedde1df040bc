import { Check, CircleAlert, X } from 'lucide-react'
import { useEffect, useSyncExternalStore } from 'react'
import { toDisplayProblem } from '../api/client.ts'

interface Toast {
  readonly id: number
  readonly tone: 'ok' | 'bad'
  readonly text: string
  readonly advice: string | null
}

const SHOWN_MS = 5000
const ERROR_SHOWN_MS = 12_000
const TOASTS_MAX = 3

const listeners = new Set<() => void>()
let toasts: readonly Toast[] = []
let nextId = 1

export function toastDone(text: string): void {
  show({ id: nextId++, tone: 'ok', text, advice: null })
}

export function toastError(error: unknown): void {
  const problem = toDisplayProblem(error)
  show({ id: nextId++, tone: 'bad', text: problem.detail, advice: problem.advice })
}

export function Toaster() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <div
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-[calc(1rem+var(--tray-height,0px))] z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 max-md:bottom-[calc(5rem+var(--tray-height,0px))]"
    >
      {shown.map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
    </div>
  )
}

function ToastCard({ toast }: { readonly toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(toast.id), toast.tone === 'ok' ? SHOWN_MS : ERROR_SHOWN_MS)
    return () => clearTimeout(timer)
  }, [toast])
  return (
    <div className="pointer-events-auto flex animate-appear gap-2.5 rounded-lg bg-surface p-3 shadow-pop">
      {toast.tone === 'ok' ? (
        <Check size={16} className="mt-0.5 shrink-0 text-ok" />
      ) : (
        <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" />
      )}
      <div className="min-w-0 flex-1">
        <p className="font-medium">{toast.text}</p>
        {toast.advice !== null && <p className="text-soft text-xs">{toast.advice}</p>}
      </div>
      <button
        type="button"
        aria-label="Dismiss"
        onClick={() => dismiss(toast.id)}
        className="self-start text-soft hover:text-ink"
      >
        <X size={14} />
      </button>
    </div>
  )
}

function show(toast: Toast): void {
  toasts = [...toasts, toast].slice(-TOASTS_MAX)
  for (const listener of listeners) listener()
}

function dismiss(id: number): void {
  toasts = toasts.filter((toast) => toast.id !== id)
  for (const listener of listeners) listener()
}
