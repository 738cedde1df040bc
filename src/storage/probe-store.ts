import type { CapabilityMatrix } from './capabilities.ts'
import { type FolderProbeHost, probeFolder } from './folder-probe.ts'
import type { StoreLocation } from './open-store.ts'

/** Finds out what a store can do by trying it. Never rejects but for an abort. */
export async function probeStore(location: StoreLocation, host: FolderProbeHost): Promise<CapabilityMatrix> {
  if (location.kind === 'folder') return await probeFolder(location.path, host)
  // Loaded only where it is used: the SDK takes 35 MB.
  const { probeS3 } = await import('./s3-probe.ts')
  return await probeS3(location.settings, host)
}
