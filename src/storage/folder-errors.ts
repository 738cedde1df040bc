import { MirrorError } from '../core/errors.ts'

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space or attach a larger disk',
  EDQUOT: 'the disk quota is used up: raise it or free space',
  EACCES: 'permission denied: give the user that runs Mirror read and write permission',
  EPERM: 'not permitted: give the user that runs Mirror read and write permission',
  EROFS: 'the file system is read-only: mount it writable (it may have been remounted after a disk fault)',
  EIO: 'the disk reports an input/output error: check it',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  ENFILE: 'too many open files on this machine: raise fs.file-max',
  ENOENT: 'it is missing: is the disk mounted?',
  ENOTDIR: 'an object is in the way where a folder is needed',
  EISDIR: 'a folder is in the way where an object is needed',
  ENOTEMPTY: 'a folder is in the way where an object is needed',
  ENAMETOOLONG: 'the file system does not take names this long',
}

/** Every error of the file system becomes `store_unavailable`, naming the path and what to do. */
export async function atPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toStoreError(path, error)
  }
}

export function toStoreError(path: string, error: unknown): unknown {
  const code = errnoOf(error)
  if (code === null) return error
  return new MirrorError('store_unavailable', `${path}: ${CAUSES[code] ?? `the file system answers ${code}`}`, {
    details: { path, code },
    cause: error,
  })
}

/** Null when `error` does not come from the operating system. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof MirrorError) return null
  const { code, syscall } = error as NodeJS.ErrnoException
  return code !== undefined && syscall !== undefined ? code : null
}
