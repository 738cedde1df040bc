/** Whether an S3 address is Amazon's own; null stands for that of a region there. */
export function isAws(endpoint: string | null): boolean {
  if (endpoint === null) return true
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname)
}
