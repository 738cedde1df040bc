// Which kinds of job this Mirror can do, and which come by themselves. Part of the composition root.
import type { JobServiceOptions } from './jobs/job-service.ts'

export function jobKinds(): Pick<JobServiceOptions, 'kinds' | 'schedules'> {
  return { kinds: {}, schedules: [] }
}
