// Files may be dropped anywhere in the console. Without this the browser would open them in place of the console.
import { UploadCloud } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useMayOperate } from '../shell/session.ts'
import { filesOfDrop } from './chosen-files.ts'
import { useAddFiles, useUploads } from './uploads-context.tsx'

export function DropZone() {
  const { folder } = useUploads()
  const mayOperate = useMayOperate()
  const addFiles = useAddFiles()
  const [isOver, setOver] = useState(false)

  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes('Files') === true && !isFileInput(event.target)
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent): void => {
      // Only when the pointer leaves the window; between elements there is always one that it goes to.
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent): void => {
      setOver(false)
      if (!hasFiles(event) || event.dataTransfer === null) return
      event.preventDefault()
      if (mayOperate) void addFiles(filesOfDrop(event.dataTransfer, folder))
    }
    window.addEventListener('dragover', over)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', over)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  }, [folder, mayOperate, addFiles])

  if (!isOver) return null
  return (
    <div className="pointer-events-none fixed inset-0 z-50 flex items-center justify-center bg-canvas/80 p-6">
      <div className="flex flex-col items-center gap-2 rounded-xl border-2 border-accent border-dashed bg-surface px-10 py-8 text-center shadow-pop">
        <UploadCloud size={28} className="text-accent" aria-hidden />
        <p className="font-semibold text-sm">{mayOperate ? 'Drop to upload' : 'You may look, not upload'}</p>
        <p className="text-soft">
          {mayOperate
            ? `Files and folders go into ${folder === '' ? 'the library' : `“${folder}”`}.`
            : 'An administrator can make you an operator.'}
        </p>
      </div>
    </div>
  )
}

function isFileInput(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === 'file'
}
