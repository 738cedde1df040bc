// The row of filters above a list. What is chosen is in the address.
import { ChevronDown, Search, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { AGE_WORDS, AGES, type Age, type AgeSearch } from '../age-search.ts'
import { INPUT_CLASS } from './field.tsx'

const TYPED_AFTER_MS = 250

/** The list follows a moment after the last key. */
export function SearchBox({
  label,
  placeholder,
  value,
  onChange,
}: {
  readonly label: string
  readonly placeholder: string
  readonly value: string
  readonly onChange: (text: string | undefined) => void
}) {
  const [typed, setTyped] = useState(value)
  const told = useRef(value)
  const tell = useRef(onChange)
  tell.current = onChange
  // A link, or "Clear filters", changes it from outside.
  useEffect(() => {
    if (value === told.current) return
    told.current = value
    setTyped(value)
  }, [value])
  useEffect(() => {
    if (typed.trim() === told.current) return
    const timer = setTimeout(() => {
      told.current = typed.trim()
      tell.current(told.current === '' ? undefined : told.current)
    }, TYPED_AFTER_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <div className="relative w-64 max-md:w-full">
      <Search size={14} className="pointer-events-none absolute inset-y-0 left-2.5 my-auto text-soft" aria-hidden />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={typed}
        maxLength={100}
        onChange={(event) => setTyped(event.target.value)}
        className={`${INPUT_CLASS} pl-8`}
      />
    </div>
  )
}

export interface Option {
  readonly value: string
  readonly label: string
}

/** `any` is the choice of none; what is chosen stands out. */
export function FilterSelect({
  label,
  any,
  value,
  options,
  onChange,
}: {
  readonly label: string
  readonly any: string
  readonly value: string | undefined
  readonly options: readonly Option[]
  readonly onChange: (value: string | undefined) => void
}) {
  // What an old link asks for may be gone: it is shown all the same, so that it can be taken off.
  const isKnown = value === undefined || options.some((option) => option.value === value)
  return (
    <div className="relative shrink-0">
      <select
        aria-label={label}
        value={value ?? ''}
        onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
        className={`h-8 max-w-44 appearance-none truncate rounded-md border pr-7 pl-2.5 text-sm max-md:h-9 ${
          value === undefined ? 'border-line bg-surface text-soft' : 'border-accent bg-accent-wash font-medium text-ink'
        }`}
      >
        <option value="">{any}</option>
        {!isKnown && <option value={value}>{value}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown size={14} className="pointer-events-none absolute inset-y-0 right-2 my-auto text-soft" aria-hidden />
    </div>
  )
}

export function FilterChip({ children, onRemove }: { readonly children: ReactNode; readonly onRemove: () => void }) {
  return (
    <button
      type="button"
      onClick={onRemove}
      className="flex h-8 max-w-56 shrink-0 items-center gap-1.5 rounded-md border border-accent bg-accent-wash px-2.5 text-sm hover:brightness-105 max-md:h-9"
    >
      <span className="truncate">{children}</span>
      <X size={13} className="shrink-0" aria-label="Remove this filter" />
    </button>
  )
}

const CHOSEN_DAYS = 'days'

export function AgeFilter({
  label,
  search,
  onChange,
}: {
  readonly label: string
  readonly search: AgeSearch
  readonly onChange: (next: { [Key in keyof AgeSearch]: AgeSearch[Key] | undefined }) => void
}) {
  const hasDays = search.age === undefined && (search.from !== undefined || search.to !== undefined)
  const [isChoosing, setChoosing] = useState(false)
  const showsDays = hasDays || (isChoosing && search.age === undefined)
  const select = (value: string | undefined): void => {
    setChoosing(value === CHOSEN_DAYS)
    if (value !== CHOSEN_DAYS) onChange({ age: value as Age | undefined, from: undefined, to: undefined })
    else onChange({ age: undefined })
  }
  return (
    <>
      <FilterSelect
        label={label}
        any="Any time"
        value={search.age ?? (showsDays ? CHOSEN_DAYS : undefined)}
        options={[
          ...AGES.map((age) => ({ value: age, label: AGE_WORDS[age] })),
          { value: CHOSEN_DAYS, label: 'From day to day…' },
        ]}
        onChange={select}
      />
      {showsDays && (
        <span className="flex items-center gap-1.5 text-soft">
          <DayInput label="From" value={search.from} onChange={(from) => onChange({ from })} />
          –
          <DayInput label="To, this day included" value={search.to} onChange={(to) => onChange({ to })} />
        </span>
      )}
    </>
  )
}

function DayInput({
  label,
  value,
  onChange,
}: {
  readonly label: string
  readonly value: string | undefined
  readonly onChange: (day: string | undefined) => void
}) {
  return (
    <input
      type="date"
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
      className={`${INPUT_CLASS} w-36!`}
    />
  )
}
