// Files that were dropped or chosen, folders among them, with the place that each gets in the library.
import type { ChosenFile } from './upload-item.ts'

/** A folder of more is better copied by the command line. */
export const MAX_CHOSEN = 10_000
/** What systems put beside people's files. */
const LITTER = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini'])

export interface Chosen {
  readonly files: readonly ChosenFile[]
  /** There were more than `MAX_CHOSEN`. */
  readonly isCut: boolean
}

/** Of a drop. The entries are taken at once: afterwards the browser has forgotten them. */
export async function filesOfDrop(transfer: DataTransfer, base: string): Promise<Chosen> {
  const entries: FileSystemEntry[] = []
  const files: ChosenFile[] = []
  for (const item of [...transfer.items]) {
    const entry = item.webkitGetAsEntry()
    if (entry !== null) entries.push(entry)
    else {
      // A picture that was dragged out of another page lies in no folder.
      const file = item.kind === 'file' ? item.getAsFile() : null
      if (file !== null) files.push({ file, folder: base })
    }
  }
  // Breadth first and without recursion: a folder may be deep.
  const waiting = entries.map((entry) => ({ entry, folder: base }))
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (files.length >= MAX_CHOSEN) return { files, isCut: true }
    const { entry, folder } = next
    if (isDirectory(entry)) {
      const inside = joinFolder(folder, entry.name)
      for (const child of await entriesOf(entry)) waiting.push({ entry: child, folder: inside })
    } else if (isFile(entry) && !LITTER.has(entry.name)) files.push({ file: await fileOf(entry), folder })
  }
  return { files, isCut: false }
}

/** Of a file input, with `webkitdirectory` or without. */
export function filesOfInput(list: readonly File[], base: string): Chosen {
  const wanted = list.filter(({ name }) => !LITTER.has(name))
  const files = wanted.slice(0, MAX_CHOSEN).map((file) => ({
    file,
    folder: joinFolder(base, file.webkitRelativePath.split('/').slice(0, -1).join('/')),
  }))
  return { files, isCut: wanted.length > MAX_CHOSEN }
}

export function joinFolder(base: string, more: string): string {
  return [base, more].filter((part) => part !== '').join('/')
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}

async function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return await new Promise((resolve, reject) => entry.file(resolve, reject))
}

/** The browser gives a hundred at a time, and none at the end. */
async function entriesOf(directory: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = directory.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}
