// How long a tenant's recordings of calls are kept, as people ask for it and change it.
import type { JobService } from '../jobs/job-service.ts'
import { applyPolicyJobOf } from '../library/recordings/apply-policy.ts'
import type { AppliedPolicy, RecordingPolicies } from '../library/recordings/recording-policies.ts'
import type {
  ChangedRecordingPolicyView,
  RecordingPolicyOrder,
  RecordingPolicyView,
} from './recording-policy-contract.ts'
import { renderPolicy } from './recording-policy-view.ts'

const SHOWN_VERSIONS = 20

export interface RecordingPolicyService {
  get(tenantId: string): Promise<RecordingPolicyView>
  /** `by`: kind and name of whoever asks. Throws `database_unavailable`, as all of these. */
  set(tenantId: string, order: RecordingPolicyOrder, by: string): Promise<ChangedRecordingPolicyView>
  /** Back to what the configuration says. */
  reset(tenantId: string, applyToExisting: boolean, by: string): Promise<ChangedRecordingPolicyView>
}

export function createRecordingPolicyService({
  policies,
  jobs,
}: {
  readonly policies: RecordingPolicies
  readonly jobs: Pick<JobService, 'add'>
}): RecordingPolicyService {
  const view = async (applied: AppliedPolicy): Promise<RecordingPolicyView> =>
    renderPolicy(applied, policies.standard, await policies.history(applied.tenantId, SHOWN_VERSIONS))

  async function changed(applied: AppliedPolicy, applyToExisting: boolean): Promise<ChangedRecordingPolicyView> {
    // Whoever gets no answer asks again: the policy is as it is then, and the job is added.
    const job = applyToExisting ? (await jobs.add(applyPolicyJobOf(applied))).job.id : null
    return { ...(await view(applied)), job }
  }

  return {
    get: async (tenantId) => await view(await policies.of(tenantId)),

    async set(tenantId, { applyToExisting, ...terms }, by) {
      return await changed(await policies.set(tenantId, terms, by), applyToExisting)
    },

    async reset(tenantId, applyToExisting, by) {
      return await changed(await policies.reset(tenantId, by), applyToExisting)
    },
  }
}
