import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'

const SHOWN_MS = 1800

/** Copies text and says so, on the button itself and to screen readers. */
export function CopyButton({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isCopied])
  return (
    <button
      type="button"
      aria-label={isCopied ? 'Copied' : label}
      title={label}
      onClick={() => void copyText(text).then(setCopied)}
      className="inline-flex h-7 shrink-0 items-center gap-1 rounded-md px-1.5 text-xs font-medium text-soft transition-colors hover:bg-hover hover:text-ink max-md:h-9 max-md:px-2.5"
    >
      {isCopied ? <Check size={14} className="text-ok" /> : <Copy size={14} />}
      <span aria-live="polite">{isCopied ? 'Copied' : 'Copy'}</span>
    </button>
  )
}

/** The clipboard API exists only on https and localhost; a console opened by its LAN address needs the old way. */
export async function copyText(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      return false
    }
  }
  const area = document.createElement('textarea')
  area.value = text
  area.readOnly = true
  area.className = 'fixed opacity-0'
  // Inside an open modal dialog everything else is inert and cannot be selected.
  ;(document.querySelector('dialog[open]') ?? document.body).append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  return isCopied
}

/** One value per row: label, value in the middle, copy at the end. */
export function CopyRow({
  label,
  value,
  shown,
}: {
  readonly label: string
  readonly value: string
  readonly shown?: string
}) {
  return (
    <div className="flex items-center gap-3 border-line border-b py-1.5 last:border-b-0">
      <div className="min-w-0 flex-1">
        <span className="block text-soft text-xs">{label}</span>
        <code className="block font-mono text-xs wrap-anywhere">{shown ?? value}</code>
      </div>
      <CopyButton text={value} label={`Copy ${label.toLowerCase()}`} />
    </div>
  )
}

/** A command to paste: one line when copied, wrapped only to be read. */
export function CommandBlock({
  command,
  label,
  shown,
}: {
  readonly command: string
  readonly label: string
  readonly shown?: string
}) {
  return (
    <figure className="overflow-hidden rounded-lg border border-line bg-sunken">
      <figcaption className="flex items-center justify-between gap-2 border-line border-b py-0.5 pr-1 pl-3">
        <span className="text-xs text-soft">{label}</span>
        <CopyButton text={command} label={`Copy: ${label}`} />
      </figcaption>
      <pre className="whitespace-pre-wrap px-3 py-2.5 font-mono text-xs leading-5 wrap-anywhere">
        <code>{shown ?? command}</code>
      </pre>
    </figure>
  )
}
