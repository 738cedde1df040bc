// Policies of tenants as the rest of Mirror asks for them and changes them: every change goes through here, and is told.
import type { Catalog, EventToStore } from '../../catalog/types.ts'
import { isSameTerms, type PolicyTerms, type RecordingPolicyRow } from './recording-policy.ts'

/** Read at once while all of them are looked at. */
const PAGE = 200

/** What applies to a tenant. */
export interface AppliedPolicy {
  readonly tenantId: string
  /** Null: the tenant has none of its own, and the terms are the configuration's. */
  readonly own: RecordingPolicyRow | null
  readonly terms: PolicyTerms
  /** Whether recordings are moved and deleted by themselves now. */
  readonly isActive: boolean
}

/** What became of the recordings that a tenant had when a policy was applied to them. */
export interface PolicyReport {
  readonly jobId: string
  readonly tenantId: string
  /** Null: the terms of the configuration. */
  readonly policyId: string | null
  readonly retentionDays: number
  readonly recordings: number
  /** Of them: which go sooner than before, and which later. */
  readonly sooner: number
  readonly later: number
}

export type PolicyNews =
  | { readonly kind: 'changed'; readonly applied: AppliedPolicy; readonly by: string }
  | { readonly kind: 'applied'; readonly report: PolicyReport }

export interface PoliciesHost {
  readonly catalog: Pick<Catalog, 'recordingPolicies' | 'events'>
  /** Of the configuration. */
  readonly standard: Omit<PolicyTerms, 'enabled'>
  /** False: no policy moves or deletes anything, whatever it says. */
  readonly isLifecycleOn: boolean
  readonly eventOf: (news: PolicyNews) => EventToStore
  readonly now: () => number
  readonly newId: () => string
}

export class RecordingPolicies {
  readonly #host: PoliciesHost
  readonly #listeners = new Set<(news: PolicyNews) => void>()

  constructor(host: PoliciesHost) {
    this.#host = host
  }

  /** What applies to whoever has no policy of its own. */
  get standard(): PolicyTerms {
    return { ...this.#host.standard, enabled: true }
  }

  /** Of those tenants. */
  get isStandardActive(): boolean {
    return this.#host.isLifecycleOn
  }

  /** Listeners hear of a change once it is in the catalog. They must not throw. */
  onNews(listener: (news: PolicyNews) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async of(tenantId: string): Promise<AppliedPolicy> {
    return this.#applied(tenantId, await this.#host.catalog.recordingPolicies.current(tenantId))
  }

  /** Newest version first, with those that apply no more. */
  async history(tenantId: string, limit: number): Promise<readonly RecordingPolicyRow[]> {
    return await this.#host.catalog.recordingPolicies.history(tenantId, limit)
  }

  /** All that tenants have of their own, by tenant, page by page. */
  async *all(): AsyncGenerator<AppliedPolicy, void, void> {
    for (let after: string | undefined; ; ) {
      const query = after === undefined ? {} : { after }
      const rows = await this.#host.catalog.recordingPolicies.list({ ...query, limit: PAGE })
      for (const row of rows) yield this.#applied(row.tenantId, row)
      after = rows.at(-1)?.tenantId
      if (after === undefined) return
    }
  }

  /** The same terms again make no new version. */
  async set(tenantId: string, terms: PolicyTerms, by: string): Promise<AppliedPolicy> {
    const { catalog, now, newId } = this.#host
    const before = await catalog.recordingPolicies.current(tenantId)
    if (before !== null && isSameTerms(before, terms)) return this.#applied(tenantId, before)
    const { hotToWarmDays, warmToColdDays, retentionDays, enabled } = terms
    const row = await catalog.recordingPolicies.set(
      {
        ...{ id: newId(), tenantId, hotToWarmDays, warmToColdDays, retentionDays, enabled },
        ...{ updatedAtMs: now(), updatedBy: by },
      },
      (set) => [this.#host.eventOf({ kind: 'changed', applied: this.#applied(tenantId, set), by })],
    )
    return this.#changed(this.#applied(tenantId, row), by)
  }

  /** Back to the terms of the configuration; nothing is told when they applied already. */
  async reset(tenantId: string, by: string): Promise<AppliedPolicy> {
    const applied = this.#applied(tenantId, null)
    const ended = await this.#host.catalog.recordingPolicies.end(tenantId, this.#host.now(), () => [
      this.#host.eventOf({ kind: 'changed', applied, by }),
    ])
    return ended === null ? applied : this.#changed(applied, by)
  }

  /** Told once for each job, however often it was begun. */
  async tellApplied(report: PolicyReport): Promise<void> {
    const news: PolicyNews = { kind: 'applied', report }
    await this.#host.catalog.events.append([{ ...this.#host.eventOf(news), id: `policy-applied-${report.jobId}` }])
    this.#tell(news)
  }

  #applied(tenantId: string, own: RecordingPolicyRow | null): AppliedPolicy {
    const terms = own ?? this.standard
    return { tenantId, own, terms, isActive: terms.enabled && this.#host.isLifecycleOn }
  }

  #changed(applied: AppliedPolicy, by: string): AppliedPolicy {
    this.#tell({ kind: 'changed', applied, by })
    return applied
  }

  #tell(news: PolicyNews): void {
    for (const listener of this.#listeners) listener(news)
  }
}
