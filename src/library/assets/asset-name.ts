// Names of files and folders, as people send them and as they are kept. Pure.
import { MirrorError } from '../../core/errors.ts'
import type { SniffedType } from '../intake/sniffed-type.ts'

export const MAX_NAME_LETTERS = 200
const MAX_FOLDER_LETTERS = 500

/**
 * The last part of whatever path a sender wrote, without control characters: never a path itself, and it names no key of
 * the store. `untitled` when nothing is left.
 */
export function cleanFileName(sent: string): string {
  const last = sent.toWellFormed().normalize('NFC').split(/[/\\]/).at(-1) ?? ''
  const clean = last.replace(/[\p{Cc}\p{Cf}\uFFFD]/gu, '').trim()
  const name = [...clean].slice(0, MAX_NAME_LETTERS).join('')
  return /^\.*$/.test(name) ? 'untitled' : name
}

/** Lower case, without the dot; empty: the name has none. */
export function extensionOf(name: string): string {
  return (/[^.]\.([A-Za-z0-9]{1,10})$/.exec(name)?.[1] ?? '').toLowerCase()
}

/** `a/b` for `/a//b/`. Throws `invalid_request` for a part `.` or `..`, for control characters, and beyond 500 letters. */
export function cleanFolder(sent: string): string {
  const parts = sent
    .normalize('NFC')
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const folder = parts.join('/')
  const isWrong = parts.some((part) => part === '.' || part === '..') || /[\p{Cc}\p{Surrogate}\\]/u.test(folder)
  if (isWrong || folder.length > MAX_FOLDER_LETTERS) {
    const what = `must be names divided by slashes, without "." and "..", of at most ${MAX_FOLDER_LETTERS} letters`
    throw new MirrorError('invalid_request', `"folder" ${what}`, { details: { path: 'folder' } })
  }
  return folder
}

const IMAGE = ['jpg', 'jpeg', 'png', 'gif', 'webp', 'avif', 'tif', 'tiff', 'heic', 'heif', 'bmp']
const TIMED = ['mp4', 'm4v', 'mov', 'mkv', 'webm', 'avi', 'mp3', 'wav', 'flac', 'm4a', 'aac', 'ogg', 'opus']

/** What an extension promises; null: nothing in particular. */
function claimedBy(extension: string): readonly SniffedType['kind'][] | null {
  if (IMAGE.includes(extension)) return ['image']
  // Which of the two it is, only a look into the container tells.
  if (TIMED.includes(extension)) return ['audio', 'video']
  return extension === 'pdf' ? ['document'] : null
}

/** Why content is not processed, in a sentence, when name and bytes tell; null when they do not. */
export function refusalOf(
  extension: string,
  { kind, contentType }: Pick<SniffedType, 'kind'> & { readonly contentType: string },
): string | null {
  if (contentType === 'image/svg+xml')
    return 'it is an SVG, which can run scripts and fetch files: it is never drawn here'
  const claimed = claimedBy(extension)
  if (claimed === null || claimed.includes(kind)) return null
  return `it is named .${extension}, but its bytes are ${contentType}`
}
