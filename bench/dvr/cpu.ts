/** Milliseconds of CPU of this process (all its threads) that `work` costs. */
export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  return sinceMs(before)
}

export async function cpuMsOfAsync(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  return sinceMs(before)
}

function sinceMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
