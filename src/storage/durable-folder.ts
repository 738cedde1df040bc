import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the names in a folder durable, as fsync of a file does with its bytes. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A folder's name lives in its parent: makes the names of `folder` and of all above it durable, up to those in `top`. */
export async function syncParents(folder: string, top: string): Promise<void> {
  for (let child = folder; child !== top; child = dirname(child)) await syncFolder(dirname(child))
}
