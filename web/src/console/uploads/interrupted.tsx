// Uploads that this browser began and a closed tab cut off, but none that another tab is sending. A page may not open files by itself: they are chosen again,
// and go on where they were.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { FileUp, X } from 'lucide-react'
import { useRef } from 'react'
import { formatBytes } from '../format/quantity.ts'
import { useMayOperate } from '../shell/session.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { toastError } from '../ui/toast.tsx'
import { askUpload, discardUpload, sentInTabs } from './tus-transfer.ts'
import { fingerprintOf, isUnfinished } from './upload-item.ts'
import type { BegunUpload } from './upload-memory.ts'
import { TrayFrame } from './upload-tray.tsx'
import { type Uploads, useUploads } from './uploads-context.tsx'

interface InterruptedUpload extends BegunUpload {
  readonly offsetBytes: number
}

const LOOK_AGAIN_MS = 2000
const INTERRUPTED_KEY = ['interrupted-uploads'] as const

async function interruptedOf({
  memory,
  queue,
}: Pick<Uploads, 'memory' | 'queue'>): Promise<readonly InterruptedUpload[]> {
  const found: InterruptedUpload[] = []
  const isSent = await sentInTabs()
  // What is paused in this tab is not sent just now.
  const own = new Set(queue.items.filter(isUnfinished).map(fingerprintOf))
  for (const begun of memory.all()) {
    if (own.has(begun.fingerprint) || isSent(begun.fingerprint)) continue
    const seen = await askUpload(begun.uploadId)
    if (seen?.state === 'receiving') found.push({ ...begun, offsetBytes: seen.offsetBytes })
    else memory.forget(begun.fingerprint)
  }
  return found
}

export function Interrupted() {
  const { memory, queue } = useUploads()
  const mayOperate = useMayOperate()
  const client = useQueryClient()
  const { data = [] } = useQuery({
    queryKey: INTERRUPTED_KEY,
    queryFn: () => interruptedOf({ memory, queue }),
    enabled: mayOperate,
    staleTime: 0,
    // A tab that was closed a moment ago seems to send still; one that sends may be closed later.
    refetchInterval: ({ state }) => (memory.all().length > (state.data?.length ?? 0) ? LOOK_AGAIN_MS : false),
  })
  if (data.length === 0) return null
  const drop = async ({ fingerprint, uploadId }: BegunUpload): Promise<void> => {
    memory.forget(fingerprint)
    await discardUpload(uploadId)
    await client.invalidateQueries({ queryKey: INTERRUPTED_KEY })
  }
  return (
    <TrayFrame label="Interrupted uploads">
      <header className="px-4 pt-2.5 pb-2">
        <p className="font-medium">{data.length === 1 ? 'An upload was' : `${data.length} uploads were`} interrupted</p>
        <p className="text-soft text-xs">Choose the same file again, or drop it here: it goes on where it was.</p>
      </header>
      <ul className="max-h-60 overflow-y-auto border-line border-t">
        {data.map((upload) => (
          <Row key={upload.fingerprint} upload={upload} onDrop={() => void drop(upload)} />
        ))}
      </ul>
    </TrayFrame>
  )
}

function Row({ upload, onDrop }: { readonly upload: InterruptedUpload; readonly onDrop: () => void }) {
  const { queue } = useUploads()
  const input = useRef<HTMLInputElement>(null)
  const choose = (file: File | undefined): void => {
    if (file === undefined) return
    const chosen = { file, folder: upload.folder }
    if (fingerprintOf(chosen) === upload.fingerprint) queue.add([chosen])
    else if (file.name !== upload.name) toastError(new Error(`That is ${file.name}, and not ${upload.name}.`))
    else toastError(new Error(`${file.name} has changed since: it can only be uploaded anew.`))
  }
  return (
    <li className="flex items-center gap-3 border-line border-b py-2 pr-2 pl-4 last:border-b-0">
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium" title={upload.name}>
          {upload.name}
        </p>
        <p className="tnum text-soft text-xs">
          {formatBytes(upload.offsetBytes)} of {formatBytes(upload.sizeBytes)} arrived
        </p>
      </div>
      <input
        ref={input}
        type="file"
        aria-label={`The file ${upload.name}`}
        className="hidden"
        onChange={(event) => choose(event.target.files?.[0])}
      />
      <Button isSmall icon={<FileUp size={13} />} onClick={() => input.current?.click()}>
        Choose file
      </Button>
      <IconButton label={`Give ${upload.name} up`} onClick={onDrop}>
        <X size={14} />
      </IconButton>
    </li>
  )
}
