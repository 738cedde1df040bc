import { isComplete } from '../library/uploads/upload.ts'
import type { UploadState } from '../library/uploads/upload-desk.ts'
import type { UploadView } from './upload-contract.ts'

export function renderUpload(upload: UploadState): UploadView {
  const { id, offsetBytes, lengthBytes, metadata, createdAtMs, expiresAtMs, done, failure } = upload
  return {
    ...{ id, offsetBytes, lengthBytes, metadata, failure },
    state: done !== null ? 'done' : isComplete(upload) ? 'storing' : 'receiving',
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    assetId: done?.assetId ?? null,
  }
}
