// The browser's own modal dialog: focus trap, Esc, inert background and top layer without a library and without
// injected styles, which the Content-Security-Policy would refuse.
import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { IconButton } from './button.tsx'

export interface DialogProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: string
  readonly description?: ReactNode
  readonly children: ReactNode
  readonly size?: 'narrow' | 'wide'
}

export function Dialog({ isOpen, onClose, title, description, children, size = 'narrow' }: DialogProps) {
  const titleId = useId()
  return (
    <ModalFrame
      isOpen={isOpen}
      onClose={onClose}
      labelledBy={titleId}
      className={`m-auto w-full max-w-[calc(100vw-2rem)] ${size === 'wide' ? 'sm:max-w-2xl' : 'sm:max-w-md'}`}
    >
      <div className="flex items-start justify-between gap-4 px-5 pt-4">
        <div>
          <h2 id={titleId} className="text-sm">
            {title}
          </h2>
          {description !== undefined && <div className="mt-1 text-soft">{description}</div>}
        </div>
        <IconButton label="Close" onClick={onClose} className="-mr-2 -mt-1">
          <X size={16} />
        </IconButton>
      </div>
      <div className="px-5 pt-4 pb-5">{children}</div>
    </ModalFrame>
  )
}

export interface ModalFrameProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly className: string
  readonly children: ReactNode
  readonly labelledBy?: string
  readonly label?: string
}

export function ModalFrame({ isOpen, onClose, className, children, labelledBy, label }: ModalFrameProps) {
  const ref = useRef<HTMLDialogElement>(null)

  useEffect(() => {
    const dialog = ref.current
    if (dialog === null) return
    if (isOpen && !dialog.open) {
      dialog.showModal()
      // The browser would focus the close button, which comes first.
      dialog.querySelector<HTMLElement>('input:not([type=radio])')?.focus()
    }
    if (!isOpen && dialog.open) dialog.close()
  }, [isOpen])

  // Always in the tree, its content only while open, so that a form starts fresh each time.
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a modal dialog by itself; the click is for the backdrop.
    <dialog
      ref={ref}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose()
      }}
      {...(labelledBy === undefined ? { 'aria-label': label } : { 'aria-labelledby': labelledBy })}
      className={`${className} animate-appear rounded-xl bg-surface p-0 text-ink shadow-pop`}
    >
      {isOpen && <div>{children}</div>}
    </dialog>
  )
}

export function DialogActions({ children }: { readonly children: ReactNode }) {
  return <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>
}
