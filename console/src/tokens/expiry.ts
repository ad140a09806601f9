import { DAY } from './standing';

/** What the administrators' policy says of a token's life. Days from its creation. */
export interface Policy {
  max_lifetime_days: number | null;
  default_lifetime_days: number | null;
  require_expiry: boolean;
}

export const NO_POLICY: Policy = { max_lifetime_days: null, default_lifetime_days: null, require_expiry: false };

export const PRESETS = [7, 30, 90, 365] as const;

/** A choice of when a token ends: never, after days, or at the end of a day. */
export type Expiry =
  | { kind: 'never' }
  | { kind: 'days'; days: number }
  /** YYYY-MM-DD, in the person's time zone. */
  | { kind: 'date'; date: string };

/** What is chosen before the person has: the policy's default, else none. */
export function initialExpiry(policy: Policy): Expiry {
  const days = policy.default_lifetime_days ?? policy.max_lifetime_days;
  if (days !== null) return { kind: 'days', days };
  return policy.require_expiry ? { kind: 'days', days: 30 } : { kind: 'never' };
}

/** Reports whether a token may live for ever. */
export function mayNeverEnd(policy: Policy): boolean {
  return policy.max_lifetime_days === null && !policy.require_expiry;
}

/** The lifetimes to choose from: the usual ones that the policy allows, its default, its maximum, what is chosen. */
export function lifetimes(policy: Policy, chosen?: Expiry): number[] {
  const most = policy.max_lifetime_days ?? Infinity;
  const all = [...PRESETS, policy.default_lifetime_days, policy.max_lifetime_days].filter(
    (d): d is number => d !== null && d <= most,
  );
  if (chosen?.kind === 'days') all.push(chosen.days);
  return [...new Set(all)].toSorted((a, b) => a - b);
}

/** The latest end that the policy allows a token made at that time; null for any. */
export function latestEnd(policy: Policy, created: number): number | null {
  return policy.max_lifetime_days === null ? null : created + policy.max_lifetime_days * DAY;
}

/**
 * When a token would end by a choice made now, in ms; null for never, undefined
 * for a date that is none. The policy counts from its creation. Towards the
 * maximum a minute is left for clocks that differ.
 */
export function endOf(expiry: Expiry, policy: Policy, now: number, created = now): number | null | undefined {
  const latest = latestEnd(policy, created);
  let end: number;
  switch (expiry.kind) {
    case 'never':
      return null;
    case 'days':
      end = now + expiry.days * DAY;
      break;
    case 'date':
      end = endOfDay(expiry.date);
      if (Number.isNaN(end)) return undefined;
      // The last day that the policy allows ends, for this token, when the policy says.
      if (latest !== null && startOfDay(expiry.date) <= latest) end = Math.min(end, latest);
  }
  return latest !== null && end >= latest - MARGIN && end <= latest ? latest - MARGIN : end;
}

const MARGIN = 60 * 1000;

/** The earliest end that the server takes. */
export const SHORTEST = 60 * 1000;

function endOfDay(date: string): number {
  return wellFormed(date) ? new Date(`${date}T23:59:59`).getTime() : Number.NaN;
}

function startOfDay(date: string): number {
  return new Date(`${date}T00:00:00`).getTime();
}

/** YYYY-MM-DD, and a day that there is: the language would read 30 February as 2 March. */
function wellFormed(date: string): boolean {
  const midnight = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().slice(0, 10) === date;
}

/** RFC 3339 in UTC and whole seconds, as the API takes it. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
