// The uploads of this tab, for whatever page is open.
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { useConnection } from '../api/live-context.tsx'
import { toastError } from '../ui/toast.tsx'
import { type Chosen, MAX_CHOSEN } from './chosen-files.ts'
import { openTusTransfer } from './tus-transfer.ts'
import { isUnfinished, type UploadItem } from './upload-item.ts'
import { UploadMemory } from './upload-memory.ts'
import { UploadQueue } from './upload-queue.ts'

export interface Uploads {
  readonly queue: UploadQueue
  readonly memory: UploadMemory
  /** Where dropped files go: the folder that the library shows. */
  readonly folder: string
  setFolder(folder: string): void
}

const UploadsContext = createContext<Uploads | null>(null)

export function UploadsProvider({ children }: { readonly children: ReactNode }) {
  const [parts, setParts] = useState<Pick<Uploads, 'queue' | 'memory'> | null>(null)
  const [folder, setFolder] = useState('')
  const { state } = useConnection()
  useEffect(() => {
    const memory = new UploadMemory(localStorage)
    const queue = new UploadQueue((chosen, news) => openTusTransfer(memory, chosen, news))
    const warn = (event: BeforeUnloadEvent): void => {
      if (queue.items.some(isUnfinished)) event.preventDefault()
    }
    window.addEventListener('beforeunload', warn)
    setParts({ memory, queue })
    return () => {
      window.removeEventListener('beforeunload', warn)
      queue.close()
    }
  }, [])
  useEffect(() => {
    if (state === 'open') parts?.queue.retryNow()
  }, [state, parts])
  if (parts === null) return null
  return <UploadsContext value={{ ...parts, folder, setFolder }}>{children}</UploadsContext>
}

export function useUploads(): Uploads {
  const uploads = useContext(UploadsContext)
  if (uploads === null) throw new Error('UploadsProvider is missing above this component')
  return uploads
}

export function useUploadItems(): readonly UploadItem[] {
  const { queue } = useUploads()
  return useSyncExternalStore(
    (listener) => queue.subscribe(listener),
    () => queue.items,
  )
}

/** Puts files into the queue, and says so when some were left out. */
export function useAddFiles(): (chosen: Promise<Chosen>) => Promise<void> {
  const { queue } = useUploads()
  return async (chosen) => {
    try {
      const { files, isCut } = await chosen
      queue.add(files)
      if (isCut) {
        toastError(new Error(`Only the first ${MAX_CHOSEN.toLocaleString('en')} files are taken at once.`))
      }
    } catch (error) {
      // A file that was removed or may not be read.
      toastError(error)
    }
  }
}
