// Which assets are chosen. Pure.

export interface Selection {
  readonly ids: ReadonlySet<string>
  /** Where a range begins. */
  readonly anchor: string | null
}

export const NOTHING_CHOSEN: Selection = { ids: new Set(), anchor: null }

/** `order` is that of the page; with `isRange` everything from the anchor to it is chosen. */
export function choose(before: Selection, id: string, order: readonly string[], isRange: boolean): Selection {
  const ids = new Set(before.ids)
  const from = before.anchor === null ? -1 : order.indexOf(before.anchor)
  const to = order.indexOf(id)
  if (isRange && from !== -1 && to !== -1) {
    for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) ids.add(each)
    return { ids, anchor: before.anchor }
  }
  if (!ids.delete(id)) ids.add(id)
  return { ids, anchor: id }
}

/** All that are there, or none if they are all chosen. */
export function chooseAll(before: Selection, order: readonly string[]): Selection {
  return order.every((id) => before.ids.has(id)) ? NOTHING_CHOSEN : { ids: new Set(order), anchor: null }
}

/** What is shown no more is chosen no more: nobody deletes what nobody sees. */
export function keepShown(before: Selection, order: readonly string[]): Selection {
  const shown = new Set(order)
  const ids = [...before.ids].filter((id) => shown.has(id))
  return ids.length === before.ids.size ? before : { ...before, ids: new Set(ids) }
}
