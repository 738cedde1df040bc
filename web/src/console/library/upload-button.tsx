import { FolderUp, Upload } from 'lucide-react'
import { useRef } from 'react'
import { Button } from '../ui/button.tsx'
import { Menu } from '../ui/menu.tsx'
import { filesOfInput } from '../uploads/chosen-files.ts'
import { useAddFiles } from '../uploads/uploads-context.tsx'

/** Files, or a folder with all that is in it. */
export function UploadButton({ folder }: { readonly folder: string }) {
  const addFiles = useAddFiles()
  const files = useRef<HTMLInputElement>(null)
  const directory = useRef<HTMLInputElement>(null)
  const take = (input: HTMLInputElement): void => {
    void addFiles(Promise.resolve(filesOfInput([...(input.files ?? [])], folder)))
    // The same file may be chosen again.
    input.value = ''
  }
  return (
    <>
      <input
        ref={files}
        type="file"
        multiple
        aria-label="Files to upload"
        className="hidden"
        onChange={(event) => take(event.currentTarget)}
      />
      <input
        ref={(input) => {
          directory.current = input
          // React knows no such attribute.
          if (input !== null) input.webkitdirectory = true
        }}
        type="file"
        aria-label="Folder to upload"
        className="hidden"
        onChange={(event) => take(event.currentTarget)}
      />
      <Menu
        trigger={
          <Button kind="primary" icon={<Upload size={15} />}>
            Upload
          </Button>
        }
        items={[
          { label: 'Choose files…', icon: <Upload size={14} />, onSelect: () => files.current?.click() },
          { label: 'Choose a folder…', icon: <FolderUp size={14} />, onSelect: () => directory.current?.click() },
        ]}
      />
    </>
  )
}
